"""The one process that does the heavy work, and the runner that looks after it.

The runner lives with the front desk and talks to the worker over its standard input, one JSON
order per line. When the front desk goes away, however suddenly, that pipe closes: the worker
pauses its job, which saves a checkpoint, and leaves. Everything the worker has to say is on
disk, in the ledger.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal

from filelock import FileLock

from booth import jobs, machine
from booth.errors import Busy, SubjectError
from booth.ledger import Job
from booth.library import Library

Stop = Literal["pause", "finish", "discard"]
PATIENCE = 30.0  # seconds a worker gets to save its work when the booth closes

log = logging.getLogger(__name__)


class Runner:
    """Starts the worker when there is work and gives it one job at a time."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def submit(self, job: Job) -> Job:
        """Queue a new job, or a paused or interrupted one to go on."""
        if not self.library.writable:
            raise Busy(
                f"This library is in use by {self.library.owner()}.",
                "This window can look but not change anything. Go on over there.",
            )
        if job.state == "done":
            raise SubjectError("That one is already finished.", "Start a new one.")
        job = self.library.ledger.change(job, "queued")
        self._order({"run": job.id})
        return job

    def stop(self, job: Job, how: Stop = "pause") -> None:
        """Ask for a job to be paused, finished with what it has, or thrown away.

        Takes effect at the job's next step; a job that is not active is dealt with at once.
        """
        self._order({"stop": job.id, "how": how})

    def check(self) -> None:
        """Notice a worker that died, so that the ledger tells the truth. Cheap; call often."""
        with self._lock:
            dead = self._process is not None and self._process.poll() is not None
            if dead:
                self._process = None
        if dead and self.library.writable:
            self.library.ledger.reconcile()

    def warm_up(self) -> None:
        """Start the worker before there is work, so that the first job need not wait for it."""
        self._order({})

    def close(self) -> None:
        """Let the worker save its work and leave."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self.library.writable:
            self.library.ledger.reconcile()

    def _order(self, order: dict[str, Any]) -> None:
        self.check()
        with self._lock:
            if self._process is None:
                self._process = _start(self.library.root)
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()


def _start(root: Path) -> subprocess.Popen[bytes]:
    """A worker for the library at `root`; what it prints goes to the library's log."""
    with (root / "worker.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "booth.worker", str(root)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=Path(__file__).parent.parent,
            start_new_session=True,  # Ctrl-C in the terminal is the front desk's to handle
        )


class Orders:
    """Orders as they arrive, sorted into jobs to run and jobs to stop."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.to_run: queue.Queue[str | None] = queue.Queue()
        self.to_stop: dict[str, Stop] = {}
        self.closed = False
        self._pipe = pipe
        threading.Thread(target=self._listen, daemon=True).start()

    def stop_for(self, job_id: str) -> Stop | None:
        """How the job should stop, if it should."""
        return self.to_stop.get(job_id) or ("pause" if self.closed else None)

    def _listen(self) -> None:
        for line in self._pipe:
            order = json.loads(line)
            if "stop" in order:
                self.to_stop[order["stop"]] = order["how"]
                self.to_run.put(order["stop"])
            elif "run" in order:
                self.to_stop.pop(order["run"], None)
                self.to_run.put(order["run"])
        self.closed = True
        self.to_run.put(None)


def serve(library: Library, orders: Orders) -> None:
    """Do jobs as they are ordered until the runner goes away."""
    machine.write(library.root)
    for job_id in iter(orders.to_run.get, None):
        try:
            job = library.ledger.find(job_id)
        except SubjectError:  # thrown away in the meantime
            continue
        if job.state == "queued" and not orders.stop_for(job_id):
            _do(library, orders, job)
        how = orders.to_stop.pop(job_id, None)
        if how:
            _stop(library, library.ledger.find(job_id), how)


def _do(library: Library, orders: Orders, job: Job) -> None:
    events: Iterator[Any] = jobs.perform(library, job)
    try:
        for _ in events:
            if orders.stop_for(job.id):
                events.close()  # type: ignore[attr-defined]
                return
    except Exception:  # written down in the ledger and the log by jobs.perform
        return


def _stop(library: Library, job: Job, how: Stop) -> None:
    if job.state == "queued":
        job = library.ledger.change(job, "paused")
    try:
        if how == "finish" and job.state != "done":
            for _ in jobs.finish(library, job):
                pass
        elif how == "discard":
            jobs.discard(library, job)
    except Exception:
        log.exception("could not %s job %s", how, job.id)


def main() -> None:
    """`python -m booth.worker <library>`: started by `Runner`, not by people."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    root = Path(sys.argv[1])
    with FileLock(root / "worker.lock"):  # the worker before us may still be saving
        serve(Library(root, trusted=True), Orders(sys.stdin.buffer))


if __name__ == "__main__":
    main()
