"use strict";
/* Asks for the run's state every second and shows it; texts of a target only ever become text. */
(() => {
  const byId = (id) => document.getElementById(id);
  const PAUSE_MS = 1000, PATIENCE_MS = 5000;

  function element(name, text, style) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (style) made.className = style;
    return made;
  }

  function show(state) {
    const running = state.state === "running";
    byId("heading").textContent = { running: "Running", ended: "Ended", stopped: "Stopped before its end" }[state.state];
    byId("now").replaceChildren(element("b", state.ended), ` of ${state.planned} scenarios ended, ${state.at_s} s`);
    byId("progress").max = state.planned || 1;
    byId("progress").value = state.ended;
    byId("target").textContent = state.target;
    byId("counts").replaceChildren(
      ...Object.entries(state.counts).filter(([, count]) => count).map(([name, count]) => element("span", `${count} ${name}`, `chip ${name}`)),
    );
    byId("doing").replaceChildren(
      ...state.scenarios.filter((s) => s.state === "running").map((s) => {
        const item = element("li");
        item.append(element("span", s.id, "mono"), " ", element("span", s.doing, "muted"));
        return item;
      }),
    );
    byId("told").replaceChildren(
      ...state.told.toReversed().map((t) => {
        const item = element("li", undefined, t.verdict);
        item.append(element("b", t.verdict), " ", element("span", t.scenario, "mono"), ` ${t.text} `, element("span", `${t.at_s} s`, "muted"));
        return item;
      }),
    );
    byId("strip").replaceChildren(
      ...state.scenarios.map((s) => {
        const block = element("span", undefined, s.state);
        block.title = `${s.id}: ${s.state}`;
        return block;
      }),
    );
    byId("done").hidden = running;
    document.title = document.title.replace(/^\w+/, running ? "Running" : "Ended");
    memory(state.memory);
  }

  function memory(samples) {
    byId("memory").closest("section").hidden = samples.length < 2;
    if (samples.length < 2) return;
    const [first, last] = [samples[0][0], samples.at(-1)[0]];
    const most = Math.max(...samples.map((sample) => sample[1])) * 1.1 || 1;
    const points = samples.map(([at, rss]) => `${((at - first) / (last - first || 1) * 440).toFixed(1)} ${(120 - rss / most * 100).toFixed(1)}`);
    const line = `M${points.join("L")}`;
    byId("memory").querySelector(".curve").setAttribute("d", line);
    byId("memory").querySelector(".area").setAttribute("d", `${line}V120H0Z`);
    byId("memory-now").textContent = `${samples.at(-1)[1]} MiB`;
  }

  async function follow() {
    try {
      const reply = await fetch("state.json", { cache: "no-store" });
      if (!reply.ok) throw new Error(String(reply.status));
      const state = await reply.json();
      show(state);
      if (state.state === "running") setTimeout(follow, PAUSE_MS);
    } catch {
      byId("heading").textContent = "No answer";
      setTimeout(follow, PATIENCE_MS);
    }
  }

  const state = JSON.parse(byId("state").textContent);
  show(state);
  if (state.state === "running") setTimeout(follow, PAUSE_MS);
})();
