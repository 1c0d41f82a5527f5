"""The receiver as senders meet it: a real process on loopback, refused, flooded, slow, killed."""

import hmac
import http.client
import json
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.cli.shell import Shell
from tests.web.receiver import HOOKED, TOKEN, Answer, Server, kept, serving, waiting

KILLS = {"sqlite": 5, "postgresql": 2}


def signed(body: bytes) -> dict[str, str]:
    return {"x-hub-signature-256": "sha256=" + hmac.new(TOKEN.encode(), body, "sha256").hexdigest()}


def test_requests_are_verified_kept_once_and_answered(shell: Shell) -> None:
    with serving(shell) as server:
        assert server.ask("/healthz", method="GET").status == 200
        assert [server.hook("1").status, server.hook("1").status, server.hook("2").status] == [200] * 3
        body = b'{"id": "3",  "date": "2026-03-01"}'
        assert server.ask("/hooks/signed/acme", body, headers=signed(body)).status == 200
        _is_we(server)
        _no_oracle(server)
        _too_much(server)
        assert server.stop() == 0
    assert [json.loads(each.body)["id"] for each in waiting(shell)] == ["1", "2"]
    found, _ = waiting(shell, "acme/shop-signed", "signed/acme")  # the other has no challenge that can be given back
    assert found.body == body and found.media == "application/json"
    with kept(shell) as inbox:
        assert inbox.counts("acme/shop-hooked", ["shop/acme"])["duplicates"] == 1
    talk = (shell.home / "talk").read_text()
    assert TOKEN not in talk and not [each for each in waiting(shell) if TOKEN in json.dumps(each.request)]


def _is_we(server: Server) -> None:
    """A sender who asks whether we are we hears what it sent, if it proves who it is."""
    body = b'{"challenge": "<b>3f"}'
    asked = server.ask("/hooks/signed/acme", body, headers=signed(body))
    assert (asked.status, asked.body, asked.headers["content-type"]) == (200, b"<b>3f", "text/plain; charset=utf-8")
    long = json.dumps({"challenge": "x" * 5_000}).encode()
    assert b"x" * 5_000 not in server.ask("/hooks/signed/acme", long, headers=signed(long)).body
    assert server.ask("/hooks/signed/acme", body).status == 401
    assert server.ask("/hooks/signed/acme?challenge=1", method="GET").status == 401


def _no_oracle(server: Server) -> None:
    """A path that nobody knows, a known one without and with a wrong token: the very same answer."""
    paths = ["nobody", "nobody/x", "shop/acme", "shop/acme/", "shop/acme/wrong", "shop/acme/" + TOKEN[:-1], "shop"]
    answers = [server.ask(f"/hooks/{path}", b"{}", method) for path in paths for method in ("POST", "GET")]
    answers += [server.ask(f"/hooks/{path}", b"x" * 100_000) for path in ("nobody", "shop/acme/wrong")]
    assert {(each.status, each.body, *sorted(set(each.headers) - {"date"})) for each in answers if each.body} == {
        (404, b'{"status":"unknown"}', "content-length", "content-type")
    }
    wrong = [{}, {"x-hub-signature-256": "sha256=00"}, signed(b"other"), {"authorization": "Bearer x"}]
    refused = [server.ask("/hooks/signed/acme", b"{}", headers=each) for each in wrong]
    assert {(each.status, each.body) for each in refused} == {(401, b'{"status":"unverified"}')}


def _too_much(server: Server) -> None:
    path = f"/hooks/shop/acme/{TOKEN}"
    assert server.ask(path, b"x" * (64 * 1024 + 1)).status == 413
    assert server.ask(path, method="GET").status == 405
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
        # Without a length, in chunks, for ever: it ends when there is too much of it.
        raw.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        raw.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        raw.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        raw.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        assert raw.recv(1_000).startswith(b"HTTP/1.1 413")


def test_a_body_that_does_not_come_is_not_waited_for(spooling: Shell) -> None:
    head = f"POST /hooks/shop/acme/{TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode()
    with serving(spooling, "--body-seconds", "0.3") as server:
        slow = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(20)]
        for each in slow:
            each.sendall(head + b"{")
        assert server.hook("1").status == 200, "others are answered meanwhile"
        for each in slow:
            assert each.recv(1_000).startswith(b"HTTP/1.1 408")
            each.close()
    assert len(waiting(spooling)) == 1


def test_definitions_and_secrets_are_followed_and_a_mistake_costs_nobody_a_hook(spooling: Shell) -> None:
    secrets = spooling.write("secrets", f"HOOK={TOKEN}\n")
    secrets.chmod(0o600)
    del spooling.environment["FEEDS_SECRET_HOOK"]
    with serving(spooling, "--secrets-file", str(secrets)) as server:
        assert server.hook("1").status == 200
        spooling.write("feeds/vendors/shop/hooked.yaml", HOOKED + "broken: true\n")
        spooling.edit("feeds/vendors/shop/signed.yaml", "endpoint: signed/", "endpoint: moved/")
        _until(server, lambda: server.ask("/hooks/moved/acme", b"{}").status == 401)
        assert server.hook("2").status == 200, "its definition is broken: it listens as it did"
        spooling.write("feeds/vendors/shop/hooked.yaml", HOOKED)
        secrets.write_text("HOOK=canary-of-tomorrow\n")
        _until(server, lambda: server.hook("3", "canary-of-tomorrow").status == 200)
        assert server.hook("4").status == 404
    assert len(waiting(spooling)) == 3


def _until(server: Server, holds: object) -> None:
    end = time.monotonic() + 30
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end and server.process.poll() is None
        time.sleep(0.1)  # another process follows its files by its own clock


def test_a_stop_finishes_what_is_in_flight(spooling: Shell) -> None:
    body = b'{"id": "late", "date": "2026-03-01"}'
    head = f"POST /hooks/shop/acme/{TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with serving(spooling) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
            raw.sendall(head + body[:5])
            assert server.hook("1").status == 200  # so the other one has been read as well
            server.process.terminate()
            time.sleep(0.3)  # the signal has to be there before the rest
            raw.sendall(body[5:])
            assert raw.recv(1_000).startswith(b"HTTP/1.1 200")
        assert server.process.wait(40) == 0
    assert len(waiting(spooling)) == 2


def test_every_2xx_is_in_the_inbox_once_however_often_it_is_killed(shell: Shell) -> None:
    """Senders that send again until they are heard, and a receiver that dies while they do."""
    kind = shell.database.partition(":")[0].partition("+")[0]
    acknowledged: Counter[str] = Counter()
    for round_ in range(KILLS[kind]):
        with serving(shell) as server:
            stop = threading.Event()
            with ThreadPoolExecutor(4) as senders:
                for sender in range(4):
                    senders.submit(_sending, server, f"{round_}-{sender}", acknowledged, stop)
                end = time.monotonic() + 20
                while sum(acknowledged.values()) < (round_ + 1) * 25 and time.monotonic() < end:
                    time.sleep(0.001 * (round_ + 1))
                server.kill()
                stop.set()
    with serving(shell) as server:
        for id in list(acknowledged)[:20]:
            assert server.hook(id).status == 200, "sent once more: known"
        assert server.stop() == 0
    found = Counter(json.loads(each.body)["id"] for each in waiting(shell))
    assert len(acknowledged) >= KILLS[kind] * 10
    assert not set(acknowledged) - set(found), "acknowledged and lost"
    assert set(found.values()) == {1}


def _sending(server: Server, sender: str, acknowledged: Counter[str], stop: threading.Event) -> None:
    number = 0
    while not stop.is_set():
        id = f"{sender}-{number // 2}"  # each is sent twice
        number += 1
        try:
            answer: Answer = server.hook(id)
        except (OSError, http.client.HTTPException):  # killed in the middle of it: no 2xx
            return
        if answer.status == 200:
            acknowledged[id] += 1
