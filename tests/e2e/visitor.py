# SPDX-License-Identifier: Apache-2.0
"""A client that asks a server's services all the time, and writes down each answer and its delay.

``python -m e2e.visitor PLAN.json FOLDER VISITS.jsonl`` runs on a client of the lab until it is told
to stop. Two services are asked over a connection that stays open for the whole test and two over
a new one each time: a filter may hit either.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol

import psycopg

from e2e import scene
from minewatch.lab.plan import Plan, read_plan
from minewatch.lab.services import SERVICES
from minewatch.lab.services.redis import encode
from minewatch.lab.services.ssh import Interactive

ANSWER_S: Final = 10.0
"""Who takes longer has not answered [s]."""
PAUSE_S: Final = (0.2, 1.2)


class Talk(Protocol):
    """One service, asked again and again."""

    def ask(self) -> None:
        """Ask, and return when the right answer is there; any error is a failure."""
        ...

    def close(self) -> None: ...


class Site:
    """A page, over a connection of its own."""

    def __init__(self, address: str, port: int) -> None:
        self._place = (address, port)

    def ask(self) -> None:
        connection = http.client.HTTPConnection(*self._place, timeout=ANSWER_S)
        with contextlib.closing(connection):
            connection.request("GET", "/")
            answer = connection.getresponse()
            if answer.status != 200 or not answer.read():
                raise ConnectionError(f"status {answer.status}")

    def close(self) -> None:
        pass


class Cache:
    """Redis, over one connection."""

    def __init__(self, address: str, port: int) -> None:
        self._socket = socket.create_connection((address, port), ANSWER_S)

    def ask(self) -> None:
        self._socket.sendall(encode("PING"))
        if (answer := self._socket.recv(100)) != b"+PONG\r\n":
            raise ConnectionError(f"answered {answer!r}")

    def close(self) -> None:
        self._socket.close()


class Books:
    """PostgreSQL, over a connection of its own."""

    def __init__(self, address: str, port: int) -> None:
        self._place: dict[str, Any] = {"host": address, "port": port, "user": "postgres"}

    def ask(self) -> None:
        with psycopg.connect(**self._place, connect_timeout=int(ANSWER_S)) as connection:
            row = connection.execute("SELECT count(*) FROM pgbench_tellers").fetchone()
            if row != (10,):
                raise ConnectionError(f"answered {row}")

    def close(self) -> None:
        pass


class Shell:
    """Somebody who is logged in by SSH and stays so."""

    def __init__(self, login: tuple[str, ...]) -> None:
        self._number = 0
        self._process = subprocess.Popen(
            login, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    def ask(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._number += 1
        self._process.stdin.write(f"echo {self._number}\n".encode())
        wanted, answer = f"{self._number}\n".encode(), b""
        while len(answer) < len(wanted):
            if not select.select([self._process.stdout], [], [], ANSWER_S)[0]:
                raise TimeoutError("no answer")
            if not (more := self._process.stdout.read(100)):
                raise EOFError("the session has ended")
            answer += more
        if answer != wanted:
            raise ConnectionError(f"answered {answer!r}")

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def talks(plan: Plan, folder: Path) -> dict[str, Callable[[], Talk]]:
    """Return how to begin to talk with each service, by the service's name.

    Parameters
    ----------
    plan : of the lab.
    folder : where the services' folders are.
    """
    address = plan.host(scene.WATCHED).address
    shell = plan.service("shell")
    kind = SERVICES[shell.kind]
    assert isinstance(kind, Interactive)
    *login, place = kind.login(shell, plan, folder / shell.name)
    return {
        "site": lambda: Site(address, plan.service("site").port),
        "cache": lambda: Cache(address, plan.service("cache").port),
        "books": lambda: Books(address, plan.service("books").port),
        "shell": lambda: Shell((*login, "-T", place)),
    }


def visit(name: str, begin: Callable[[], Talk], write: Callable[[dict[str, Any]], None]) -> None:
    """Ask one service for ever; after a failure, over a new connection."""
    rng = Random(name)
    talk: Talk | None = None
    while True:
        at_s, began_s, error = time.time(), time.monotonic(), ""
        try:
            talk = talk or begin()
            talk.ask()
        except (OSError, EOFError, http.client.HTTPException, psycopg.Error) as failure:
            error = f"{type(failure).__name__}: {failure}"
            if talk is not None:
                talk.close()
            talk = None
        took_s = time.monotonic() - began_s
        write({"service": name, "at_s": at_s, "took_s": took_s, "error": error})
        time.sleep(rng.uniform(*PAUSE_S))


def main() -> None:
    """Visit all services at the same time."""
    plan_file, folder, out = map(Path, sys.argv[1:])
    lock = threading.Lock()
    with open(out, "a", encoding="utf-8") as file:

        def write(row: dict[str, Any]) -> None:
            with lock:
                file.write(json.dumps(row) + "\n")
                file.flush()

        visitors = [
            threading.Thread(target=visit, args=(name, begin, write), daemon=True)
            for name, begin in talks(read_plan(plan_file), folder).items()
        ]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join()


if __name__ == "__main__":
    main()
