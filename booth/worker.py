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
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Any, Literal

from booth import jobs, machine
from booth.errors import Busy, DiskError, SubjectError
from booth.ledger import ACTIVE, Job
from booth.library import Library

Stop = Literal["pause", "finish", "discard"]

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
        self.check()
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
            code = self._process.poll() if self._process else None
            if code is not None:
                self._process = None
        if code is not None and self.library.writable:
            self.library.ledger.reconcile(
                "The computer ran out of memory, or somebody ended the worker."
                if code == -signal.SIGKILL
                else f"The worker ended unexpectedly (status {code}); worker.log says more."
            )

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
            process.wait()  # as long as it takes: a large checkpoint is minutes of writing
        except KeyboardInterrupt:  # the person will not wait; the checkpoint before stays
            process.kill()
            process.wait()
        if self.library.writable:
            self.library.ledger.reconcile()

    def _order(self, order: dict[str, Any]) -> None:
        line = json.dumps(order).encode() + b"\n"
        with self._lock:
            try:
                self._write(line)
            except BrokenPipeError:  # it died just now; the next one reads the same ledger
                self._process = None
                self._write(line)

    def _write(self, line: bytes) -> None:
        if self._process is None:
            self._process = _start(self.library.root)
        assert self._process.stdin is not None
        self._process.stdin.write(line)
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
            # Ctrl-C in the terminal is the front desk's to handle
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
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
    """One job to its end, or until it is to stop. Errors are in the ledger and the log."""
    events = jobs.perform(library, job)
    with suppress(Exception), closing(events):
        for _ in events:
            if orders.stop_for(job.id):
                break
    _settle(library, job)


def _stop(library: Library, job: Job, how: Stop) -> None:
    """Deal with a stopped job as the person asked."""
    if job.state in ACTIVE:
        job = library.ledger.change(job, "paused")
    try:
        if how == "finish" and job.state != "done":
            for _ in jobs.finish(library, job):
                pass
        elif how == "discard":
            jobs.discard(library, job)
    except Exception:
        log.exception("could not %s job %s", how, job.id)


def _settle(library: Library, job: Job) -> None:
    """Never leave a job "running" that nobody runs, even when the disk was full just now."""
    reason = DiskError("The disk was full, or could not be written.", "Free some space, continue.")
    for pause in (0, 1, 5):
        time.sleep(pause)
        with suppress(OSError, SubjectError):
            if library.ledger.find(job.id).state == "running":
                library.ledger.change(job, "interrupted", reason)
            return


def main() -> None:
    """`python -m booth.worker <library>`: started by `Runner`, not by people."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    root = Path(sys.argv[1])
    library = Library(root, trusted=True)
    with library.working():  # the worker before us may still be saving
        serve(library, Orders(sys.stdin.buffer))


if __name__ == "__main__":
    main()
