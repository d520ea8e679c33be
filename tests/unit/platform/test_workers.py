"""Worker processes give what the engine gives, and their end is noticed whatever ends them."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from pynomaly.detection import parse_model, resolve
from pynomaly.domain.errors import Overloaded, RateLimited
from pynomaly.workers import pool as pool_module
from pynomaly.workers.fair_queue import Shares
from pynomaly.workers.messages import Fit
from pynomaly.workers.pool import Job, WorkerPool
from pynomaly.workers.process import WorkerGone, WorkerProcess, WorkerRefused, WorkerTooSlow

ROWS = np.random.default_rng(0).normal(size=(300, 4))


@pytest.fixture(scope="module")
def worker():
    process = WorkerProcess()
    process.warm()
    yield process
    process.close()


def fit(worker, rows=ROWS, algorithm="ecod", limit_s=60.0, **parameters):
    request = Fit(algorithm, 0.1, parameters, 0, rows.shape)
    return worker.fit(request, rows, time_limit_s=limit_s, on_progress=lambda _: None)


def test_a_fit_in_a_worker_is_the_fit(worker):
    fitted = fit(worker, algorithm="isolation_forest")
    here = resolve("isolation_forest").fit(ROWS, contamination=0.1, seed=0)
    assert parse_model(fitted.model).score(ROWS).tolist() == here.score(ROWS).tolist()
    assert fitted.threshold == here.threshold
    assert fitted.fit_time_s > 0


def test_scores_of_a_worker_are_the_scores(worker):
    fitted = fit(worker)
    worker.load(fitted.model)
    assert (
        worker.score(ROWS[:7], time_limit_s=60).tolist() == parse_model(fitted.model).score(ROWS[:7]).tolist()
    )


def test_a_refusal_keeps_its_code_and_the_worker_goes_on(worker):
    with pytest.raises(WorkerRefused) as refusal:
        fit(worker, algorithm="knn", n_neighbors=-1)
    assert (refusal.value.code, refusal.value.status) == ("invalid-parameter", 422)
    pid = worker.pid
    fit(worker)
    assert worker.pid == pid


def test_a_worker_that_is_too_slow_is_ended_and_replaced(worker):
    with pytest.raises(WorkerTooSlow):
        fit(worker, np.random.default_rng(0).normal(size=(30_000, 10)), "one_class_svm", limit_s=0.2)
    assert worker.pid is None
    fit(worker)


def test_a_worker_that_dies_is_noticed(worker):
    fit(worker)
    threading.Timer(0.2, worker.kill).start()
    with pytest.raises(WorkerGone):
        fit(worker, np.random.default_rng(0).normal(size=(30_000, 10)), "one_class_svm")
    fit(worker)


def test_a_halted_worker_starts_nothing_until_it_may(worker):
    worker.halt()
    with pytest.raises(WorkerGone):
        fit(worker)
    worker.resume()
    fit(worker)


def test_a_worker_sees_none_of_the_servers_settings(monkeypatch):
    from pynomaly.workers import launching

    monkeypatch.setenv("PYNOMALY_SECRET_KEY", "hush")
    assert not [name for name in launching.environment() if name.startswith("PYNOMALY_")]


def test_modules_of_the_working_folder_are_not_executed_by_workers(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("open('executed', 'w')\nraise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    process = WorkerProcess()
    try:
        process.warm()
        assert process.is_alive
        assert not (tmp_path / "executed").exists()
    finally:
        process.close()


class Unstartable:
    """A process that can't be started until it may."""

    def __init__(self):
        self.is_alive, self.may_start, self.tries = False, False, threading.Semaphore(0)

    def warm(self):
        self.tries.release()
        if not self.may_start:
            raise WorkerGone("It ended at once.")
        self.is_alive = True

    def resume(self):
        pass

    halt = close = resume


def test_readiness_fails_while_no_worker_is_alive_and_it_is_started_again(monkeypatch):
    monkeypatch.setattr(pool_module, "_LOOK_EVERY_S", 0.01)
    process = Unstartable()
    pool = WorkerPool(n_workers=1, max_queued=1, new_process=lambda: process)
    assert pool.check() != "ok"
    pool.start()
    assert process.tries.acquire(timeout=10)
    assert "no worker" in pool.check()
    process.may_start = True
    wait_until(lambda: pool.check() == "ok")
    process.is_alive = False  # it ends between two jobs
    wait_until(lambda: pool.check() == "ok")
    pool.close(10)


def wait_until(holds):
    ends_at_s = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < ends_at_s


class Gate:
    """A job that runs until it is let go."""

    def __init__(self):
        self.began, self.may_end, self.ended = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, process, job):
        self.began.set()
        self.may_end.wait(10)
        self.ended.set()


def test_the_queue_is_bounded_and_a_job_is_entered_before_it_starts():
    pool = WorkerPool(n_workers=1, max_queued=1)
    pool.start()
    entered = []
    first = Gate()

    def checked(process, job):
        assert entered == ["first"]
        first(process, job)

    pool.submit(Job("first", checked), enter=lambda: entered.append("first"))
    assert first.began.wait(60)
    pool.submit(Job("second", Gate()), enter=lambda: entered.append("second"))
    with pytest.raises(RateLimited) as refusal:
        pool.submit(Job("third", Gate()), enter=lambda: entered.append("third"))
    assert refusal.value.retry_after_s >= 1
    assert entered == ["first", "second"]
    assert (pool.n_running, pool.n_waiting, pool.progress("first"), pool.progress("none")) == (
        1,
        1,
        0.0,
        None,
    )
    threading.Timer(0.2, first.may_end.set).start()
    pool.close(drain_s=10)
    assert first.ended.is_set()
    with pytest.raises(Overloaded):
        pool.submit(Job("late", Gate()), enter=lambda: None)


def test_a_job_that_breaks_does_not_break_the_pool():
    pool = WorkerPool(1, 4, Shares(1, 1))
    pool.start()

    def broken(process, job):
        raise RuntimeError("a bug")

    gate = Gate()
    pool.submit(Job("broken", broken), enter=lambda: None)
    pool.submit(Job("after", gate), enter=lambda: None)
    assert gate.began.wait(60)
    gate.may_end.set()
    pool.close(drain_s=10)


def test_progress_never_goes_back():
    job = Job("x", Gate())
    for fraction in (0.2, 0.1, 5.0):
        job.report(fraction)
    assert job.progress == 1.0
