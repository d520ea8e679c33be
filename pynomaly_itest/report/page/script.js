"use strict";
/* Adds to a page that already shows everything: filter, deep links, copy buttons, values under the pointer. */
(() => {
  const run = JSON.parse(document.getElementById("run-data").textContent);
  const byId = (id) => document.getElementById(id);
  const scenarios = [...document.querySelectorAll("details.scenario")];

  /* ---- filter ---- */
  const form = byId("filter"), words = byId("filter-words"), tag = byId("filter-tag");
  const boxes = [...form.querySelectorAll("input[name=verdict]")];

  const texts = new Map();
  function textOf(row) {
    if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
    return texts.get(row);
  }

  /* Words joined by and, or, not and brackets, as behind -k. While it is being typed and is no expression yet,
     every word must be there. */
  function meaning(text) {
    const pattern = /"([^"]*)"|'([^']*)'|([()])|([^\s()"']+)/g;
    const tokens = [...text.toLowerCase().matchAll(pattern)].map(([, double, single, bracket, word]) => {
      const quoted = double ?? single;
      const joins = quoted === undefined && (bracket || ["and", "or", "not"].includes(word));
      return { text: quoted ?? bracket ?? word, joins: Boolean(joins) };
    });
    const all = (terms) => (seen) => terms.every((term) => term(seen));
    const any = (terms) => (seen) => terms.some((term) => term(seen));
    let at = 0;
    const takes = (word) => Boolean(tokens[at]?.joins && tokens[at].text === word && ++at);
    const goesOn = () => tokens[at] && (!tokens[at].joins || tokens[at].text === "(" || tokens[at].text === "not");

    function either() {
      const terms = [both()];
      while (takes("or")) terms.push(both());
      return any(terms);
    }
    function both() {
      const terms = [one()];
      while (takes("and") || goesOn()) terms.push(one());
      return all(terms);
    }
    function one() {
      if (takes("not")) {
        const term = one();
        return (seen) => !term(seen);
      }
      if (takes("(")) {
        const inner = either();
        if (!takes(")")) throw new SyntaxError("a bracket is open");
        return inner;
      }
      if (!tokens[at] || tokens[at].joins) throw new SyntaxError("a word is missing");
      const word = tokens[at++].text;
      return (seen) => seen.includes(word);
    }

    if (!tokens.length) return () => true;
    try {
      const whole = either();
      if (at < tokens.length) throw new SyntaxError("a bracket too many");
      return whole;
    } catch {
      return all(tokens.filter((token) => !token.joins).map((token) => (seen) => seen.includes(token.text)));
    }
  }

  function matches(row, means) {
    const verdicts = boxes.filter((box) => box.checked).map((box) => box.value);
    if (verdicts.length && !verdicts.includes(row.dataset.verdict)) return false;
    if (tag && tag.value && !row.dataset.tags.split("\n").includes(tag.value)) return false;
    return means(textOf(row));
  }

  function filter() {
    const means = meaning(words.value);
    let shown = 0;
    for (const row of scenarios) {
      row.hidden = !matches(row, means);
      shown += row.hidden ? 0 : 1;
    }
    byId("shown").value = shown === scenarios.length ? "" : `${shown} of ${scenarios.length} shown`;
    byId("none").hidden = shown > 0;
  }

  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();

  const openAll = (open) => scenarios.forEach((row) => { if (!row.hidden) row.open = open; });
  byId("expand").addEventListener("click", () => openAll(true));
  byId("collapse").addEventListener("click", () => openAll(false));

  /* ---- a link to a scenario opens it, even if the filter hid it ---- */
  function follow() {
    const row = scenarios.find((candidate) => `#${candidate.id}` === location.hash);
    if (!row) return;
    if (row.hidden) { form.reset(); filter(); }
    row.open = true;
    row.scrollIntoView();
    row.querySelector("summary").focus({ preventScroll: true });
  }
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#s"]');
    if (link && link.hash === location.hash) follow();
  });
  follow();

  /* ---- on paper, what is not a pass is open ---- */
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = scenarios.filter((row) => !row.open && !["passed", "skipped"].includes(row.dataset.verdict));
    opened.forEach((row) => { row.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((row) => { row.open = false; }));

  /* ---- copy a command ---- */
  for (const command of document.querySelectorAll(".command")) {
    if (!navigator.clipboard) break;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(command.querySelector("code").textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Copying is not allowed here";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    command.append(button);
  }

  /* ---- values under the pointer ---- */
  const tip = byId("tip");
  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "path");
  cursor.setAttribute("class", "cursor");
  const digits = (value) => (value === null ? "–" : Number(value.toPrecision(4)).toLocaleString("en"));
  const metricOf = (scenario, place) => run.scenarios[scenario].metrics[place];

  function nearest(sorted, value) {
    let best = 0;
    sorted.forEach((candidate, i) => {
      if (Math.abs(candidate - value) < Math.abs(sorted[best] - value)) best = i;
    });
    return best;
  }

  const readers = {
    resources(value, [name, scenario]) {
      const seen = scenario === undefined ? run.resources : run.scenarios[Number(scenario)].resources;
      const i = nearest(seen.at_s, value);
      const unit = name === "rss_mb" ? "MiB" : "%";
      const at = seen.at_s[i];
      const during = scenario === undefined && run.scenarios.find((s) => s.started_s <= at && at <= s.started_s + s.duration_s);
      return { x: at, text: `${digits(seen[name][i])} ${unit} at ${digits(at)} s${during ? `, ${during.id}` : ""}` };
    },
    histogram(value, metric) {
      const { edges, counts } = metric.histogram;
      const i = Math.max(0, counts.findLastIndex((_, bin) => edges[bin] <= value));
      return { x: value, text: `${digits(edges[i])} to ${digits(edges[i + 1])} ${metric.unit}: ${digits(counts[i])}` };
    },
    quantiles(value, metric) {
      const names = Object.keys(metric.quantiles).filter((name) => /^p[\d.]+$/.test(name) && Number(name.slice(1)) < 100);
      const tails = names.map((name) => -Math.log10(1 - Number(name.slice(1)) / 100));
      const i = nearest(tails, value);
      return { x: tails[i], text: `${names[i]}: ${digits(metric.quantiles[names[i]])} ${metric.unit}` };
    },
    over_time(value, metric) {
      const slices = metric.over_time, i = nearest(slices.at_s, value), unit = metric.unit;
      return {
        x: slices.at_s[i],
        text: `from ${digits(slices.at_s[i])} s: p50 ${digits(slices.p50[i])}, p95 ${digits(slices.p95[i])}, max ${digits(slices.max[i])} ${unit} (n ${slices.n[i]})`,
      };
    },
  };

  function scaleOf(plot) {
    const [start, end, low, high, kind] = plot.dataset.scale.split(" ");
    const [a, b, l, h] = [start, end, low, high].map(Number), log = kind === "log";
    return {
      value: (at) => {
        const share = Math.min(1, Math.max(0, (at - a) / (b - a)));
        return log ? l * (h / l) ** share : l + share * (h - l);
      },
      at: (value) => a + (b - a) * (log ? Math.log(value / l) / Math.log(h / l) : (value - l) / (h - l)),
    };
  }

  function read(plot, value) {
    const hover = plot.dataset.hover.split(" ");
    if (hover[0] === "resources") return readers.resources(value, hover.slice(1));
    return readers[hover[2]](value, metricOf(Number(hover[0]), Number(hover[1])));
  }

  function show(plot, event) {
    const box = plot.getBoundingClientRect(), scale = scaleOf(plot);
    const point = read(plot, scale.value(((event.clientX - box.left) * 440) / box.width));
    cursor.setAttribute("d", `M${scale.at(point.x).toFixed(1)} 14V178`);
    plot.append(cursor);
    tip.textContent = point.text;
    tip.hidden = false;
    tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${event.clientY + 18}px`;
  }

  for (const plot of document.querySelectorAll("svg[data-hover]")) {
    plot.addEventListener("pointermove", (event) => show(plot, event));
    plot.addEventListener("pointerleave", () => {
      tip.hidden = true;
      cursor.remove();
    });
  }
})();
