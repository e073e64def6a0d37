"""Exercises every route of the example `tornado_parity` with Tornado's own client.

    routes.py PATH_OF_tornado_parity

runs it on both runtimes and prints `N passed, N failed`. Needs tornado 6.6.
"""

import asyncio
import base64
import json
import os
import socket
import struct
import sys
import zlib

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClosedError, websocket_connect

from harness import Checks, Program, report

check = Checks()


# What the checks are made of.


async def connect(port, path, **options):
    headers = options.pop("headers", None)
    request = HTTPRequest(f"ws://127.0.0.1:{port}{path}", headers=headers)
    return await websocket_connect(request, **options)


async def get(port, path, method="GET", **options):
    client = AsyncHTTPClient(force_instance=True)
    return await client.fetch(
        f"http://127.0.0.1:{port}{path}",
        method=method,
        raise_error=False,
        follow_redirects=False,
        allow_nonstandard_methods=True,
        **options,
    )


async def closes(port):
    return int((await get(port, "/closes")).body)


async def last_close(port, count):
    """What the close hook saw that made the count this high."""
    for _ in range(200):
        if await closes(port) >= count:
            return json.loads((await get(port, "/last-close")).body)
        await asyncio.sleep(0.02)
    raise AssertionError(f"no close hook ran: {await closes(port)} of {count}")


async def status(port, path, headers):
    """The status of the answer to a handshake with these header lines, and its head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"GET {path} HTTP/1.1", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
    writer.close()
    return int(head.split()[1]), head


def handshake(port, **changes):
    """The header lines of a handshake; a change to None leaves one out."""
    key = base64.b64encode(os.urandom(16)).decode()
    headers = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
    }
    for name, value in changes.items():
        headers[name.replace("_", "-")] = value
    return [f"{name}: {value}" for name, value in headers.items() if value is not None]


class Raw:
    """A client that writes frames by hand."""

    @classmethod
    async def open(cls, port, path, *extra):
        self = cls()
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        lines = [f"GET {path} HTTP/1.1", *handshake(port), *extra, "", ""]
        self.writer.write("\r\n".join(lines).encode())
        self.head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        assert " 101 " in self.head, self.head
        return self

    def frame(self, first, payload, declared=None):
        length = len(payload) if declared is None else declared
        if length < 126:
            header = struct.pack("!BB", first, 0x80 | length)
        elif length < 65536:
            header = struct.pack("!BBH", first, 0x80 | 126, length)
        else:
            header = struct.pack("!BBQ", first, 0x80 | 127, length)
        # A masking key of zeros leaves the payload as it is.
        self.writer.write(header + bytes(4) + payload)

    async def read_frame(self):
        first, length = await self.reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first, await self.reader.readexactly(length)


# Every route: refusals, origins, closing.


@check
async def an_unknown_path_is_404_with_and_without_an_upgrade(port):
    assert (await get(port, "/nothing")).code == 404
    assert (await status(port, "/nothing", handshake(port)))[0] == 404


@check
async def refusals_come_in_their_order(port):
    evil = {"Origin": "http://evil.example"}
    for expected, changes in [
        (400, {"Upgrade": None}),
        (400, {"Upgrade": "h2c", **evil}),
        (400, {"Connection": "keep-alive", **evil}),
        (400, {"Connection": None}),
        (403, evil),
        (403, {**evil, "Sec-WebSocket-Version": "8"}),
        (403, {**evil, "Sec-WebSocket-Key": None}),
        (426, {"Sec-WebSocket-Version": "8"}),
        (426, {"Sec-WebSocket-Version": None}),
        (426, {"Sec-WebSocket-Version": None, "Sec-WebSocket-Key": None}),
        (400, {"Sec-WebSocket-Key": None}),
        (101, {"Upgrade": "WebSocket", "Connection": "keep-alive, UPGRADE"}),
    ]:
        code, head = await status(port, "/echo", handshake(port, **changes))
        assert code == expected, (changes, head)
        if code == 426:
            assert "sec-websocket-version: 13" in head.lower(), head


@check
async def the_answer_has_one_upgrade_and_one_connection(port):
    _, head = await status(port, "/echo", handshake(port))
    lines = [line.lower() for line in head.split("\r\n")]
    assert [line for line in lines if line.startswith("upgrade")] == ["upgrade: websocket"], head
    assert [line for line in lines if line.startswith("connection")] == ["connection: upgrade"], head


@check
async def other_methods_are_405_and_say_which_are_not(port):
    answer = await get(port, "/echo", "POST", body="x")
    assert (answer.code, answer.headers["Allow"]) == (405, "GET"), answer.headers
    answer = await get(port, "/non_ws", "DELETE")
    assert (answer.code, answer.headers["Allow"]) == (405, "GET, HEAD"), answer.headers
    answer = await get(port, "/non_ws", "HEAD")
    assert (answer.code, answer.body, answer.headers["Content-Length"]) == (200, b"", "2")


@check
async def origins_are_judged_as_tornado_does(port):
    host = f"127.0.0.1:{port}"
    for path, site, origin, allowed in [
        ("/echo", None, None, True),
        ("/echo", None, f"http://{host}", True),
        ("/echo", None, f"ws://{host}", True),
        ("/echo", None, f"HTTPS://{host}/page", True),
        ("/echo", None, host, False),
        ("/echo", None, f"http://sub.{host}", False),
        ("/echo", None, "http://127.0.0.1", False),
        ("/echo", None, "http://somewhereelse.com", False),
        ("/echo", None, "null", False),
        ("/echo", "same-origin", "http://somewhereelse.com", True),
        ("/echo", "none", "http://somewhereelse.com", True),
        ("/echo", "cross-site", f"http://{host}", False),
        ("/echo", "same-site", f"http://{host}", False),
        ("/echo", "cross-site", None, False),
        ("/echo", None, "http://trusted.example.com", False),
        ("/origin/echo", None, "http://trusted.example.com", True),
        ("/origin/echo", "cross-site", "http://trusted.example.com", True),
        ("/origin/echo", "cross-site", None, False),
        ("/origin/echo", None, "https://trusted.example.com", False),
        ("/origin/echo", None, "http://trusted.example.com:81", False),
        ("/origin/permissive", None, "http://anything.at.all", True),
        ("/origin/permissive", "cross-site", "http://anything.at.all", True),
        ("/origin/permissive", "cross-site", None, False),
        ("/origin/token", None, "http://a.example", False),
        ("/origin/token?token=wrong", None, "http://a.example", False),
        ("/origin/token?token=secret", None, "http://a.example", True),
        ("/origin/trusted_override", None, "http://trusted.example.com", True),
        ("/origin/trusted_override", None, "http://other.example.com", True),
        ("/origin/trusted_override", None, "http://evil.example.com", False),
        ("/origin/trusted_override", None, "http://example.org", False),
    ]:
        lines = handshake(port, Origin=origin, Sec_Fetch_Site=site)
        code, _ = await status(port, path, lines)
        assert code == (101 if allowed else 403), (path, site, origin, code)


@check
async def the_close_hook_sees_code_and_reason_of_the_peer(port):
    for code, reason, seen in [
        (1001, "goodbye", {"code": 1001, "reason": "goodbye"}),
        (4000, None, {"code": 4000, "reason": None}),
        (None, None, {"code": None, "reason": None}),
    ]:
        count = await closes(port)
        ws = await connect(port, "/echo")
        ws.close(code, reason)
        assert await ws.read_message() is None
        assert await last_close(port, count + 1) == seen
        assert await closes(port) == count + 1


@check
async def the_close_hook_sees_nothing_of_a_lost_connection(port):
    count = await closes(port)
    raw = await Raw.open(port, "/echo")
    raw.writer.transport.abort()
    assert await last_close(port, count + 1) == {"code": None, "reason": None}


# Plain routes.


@check
async def plain_routes_answer_alike_with_an_upgrade(port):
    for headers in [["Host: a"], handshake(port)]:
        assert (await status(port, "/non_ws", headers))[0] == 200
        code, head = await status(port, "/redirect", headers)
        assert code == 302 and "location: /echo" in head.lower(), head
    assert (await get(port, "/non_ws")).body == b"ok"
    assert "application/json" in (await get(port, "/closes")).headers["Content-Type"]


@check
async def tornados_client_fails_on_plain_answers(port):
    for path, code in [("/nothing", 404), ("/redirect", 302)]:
        try:
            await connect(port, path)
            raise AssertionError("connected")
        except HTTPClientError as error:
            assert error.code == code


# WebSocket routes.


@check
async def echo_keeps_text_and_binary_of_every_size(port):
    ws = await connect(port, "/echo")
    for size in [0, 1, 125, 126, 65535, 65536, 300000]:
        for message in ["ä" * (size // 2), os.urandom(size)]:
            await ws.write_message(message, binary=isinstance(message, bytes))
            assert await ws.read_message() == message
    ws.close()
    assert await ws.read_message() is None


@check
async def headers_go_in_and_out(port):
    ws = await connect(port, "/header", headers={"X-Test": "hello"})
    assert await ws.read_message() == "hello"
    ws = await connect(port, "/header")
    assert await ws.read_message() == ""
    ws = await connect(port, "/header_echo", headers={"X-Test-Hello": "hello", "x-tESTy": "1"})
    assert ws.headers["X-Test-Hello"] == "hello"
    assert ws.headers["X-Testy"] == "1"
    assert ws.headers["X-Extra-Response-Header"] == "Extra-Response-Value"


@check
async def the_server_closes_with_a_reason(port):
    count = await closes(port)
    ws = await connect(port, "/close_reason")
    assert await ws.read_message() is None
    assert (ws.close_code, ws.close_reason) == (1001, "goodbye")
    # Tornado's client sends the code back, without the reason.
    assert await last_close(port, count + 1) == {"code": 1001, "reason": None}


@check
async def failing_message_hooks_close_with_1011(port):
    for path in [
        "/error_in_on_message",
        "/error_in_async_on_message",
        "/cancelled_in_on_message",
        "/cancelled_in_async_on_message",
    ]:
        count = await closes(port)
        ws = await connect(port, path)
        await ws.write_message("hello")
        assert await ws.read_message() is None, path
        assert ws.close_code == 1011, (path, ws.close_code)
        await last_close(port, count + 1)
        assert await closes(port) == count + 1


@check
async def failing_open_hooks_close_with_1011(port):
    for path in ["/error_in_open", "/error_in_async_open"]:
        count = await closes(port)
        ws = await connect(port, path)
        assert await ws.read_message() is None, path
        assert ws.close_code == 1011, (path, ws.close_code)
        await last_close(port, count + 1)
        assert await closes(port) == count + 1


@check
async def a_slow_prepare_is_waited_for(port):
    ws = await connect(port, "/async_prepare")
    await ws.write_message("hello")
    assert await ws.read_message() == "hello"


@check
async def path_arguments_are_percent_decoded(port):
    for path, expected in [("hello", "hello"), ("a%20b%2Fc/d", "a b/c/d"), ("%C3%A9", "é"), ("", "")]:
        ws = await connect(port, f"/path_args/{path}")
        assert await ws.read_message() == expected
    assert (await status(port, "/path_args/%FF", handshake(port)))[0] == 400


@check
async def messages_are_handled_one_after_another(port):
    for path in ["/coroutine", "/native"]:
        ws = await connect(port, path)
        for number in range(5):
            await ws.write_message(str(number))
        assert [await ws.read_message() for _ in range(5)] == list("01234")


@check
async def rendered_text_is_escaped(port):
    ws = await connect(port, "/render")
    await ws.write_message("<i>\"&'")
    assert await ws.read_message() == "<b>&lt;i&gt;&quot;&amp;&#x27;</b>"


@check
async def a_subprotocol_is_selected_at_any_position(port):
    for offered, selected in [
        (["badproto", "goodproto"], "goodproto"),
        (["goodproto"], "goodproto"),
        (["badproto"], None),
        (None, None),
    ]:
        ws = await connect(port, "/subprotocol", subprotocols=offered)
        assert ws.selected_subprotocol == selected
        assert await ws.read_message() == f"subprotocol={selected}"


@check
async def the_first_message_waits_for_open(port):
    ws = await connect(port, "/open_coroutine")
    await ws.write_message("hello")
    await ws.write_message("again")
    assert [await ws.read_message(), await ws.read_message()] == ["ok", "ok"]


@check
async def nodelay_is_set(port):
    ws = await connect(port, "/nodelay")
    assert await ws.read_message() == "hello"


# Compression and sizes.


@check
async def compression_is_accepted_where_the_route_has_it(port):
    for path in ["/plain/echo", "/deflate/echo"]:
        ws = await connect(port, path, compression_options={})
        agreed = ws.headers.get("Sec-WebSocket-Extensions")
        assert bool(agreed) == path.startswith("/deflate"), agreed
        for number in range(3):
            for message in ["hello " * 1000, str(number), os.urandom(20000), b""]:
                await ws.write_message(message, binary=isinstance(message, bytes))
                assert await ws.read_message() == message
    ws = await connect(port, "/deflate/echo")
    assert "Sec-WebSocket-Extensions" not in ws.headers
    await ws.write_message("hello")
    assert await ws.read_message() == "hello"


@check
async def nothing_is_agreed_that_was_not_offered(port):
    for offer, expected in [
        ("permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; foo=1", None),
        ("permessage-deflate; server_max_window_bits=8", None),
    ]:
        raw = await Raw.open(port, "/deflate/echo", f"Sec-WebSocket-Extensions: {offer}")
        lines = [line.lower() for line in raw.head.split("\r\n")]
        agreed = [line for line in lines if line.startswith("sec-websocket-extensions")]
        wanted = [f"sec-websocket-extensions: {expected}"] if expected else []
        assert agreed == wanted, (offer, agreed)


@check
async def compressed_messages_keep_their_context(port):
    offer = "Sec-WebSocket-Extensions: permessage-deflate"
    raw = await Raw.open(port, "/deflate/echo", offer)
    inflate = zlib.decompressobj(-15)
    for _ in range(2):
        raw.frame(0x81, b"Hello")
        first, payload = await raw.read_frame()
        assert first == 0xC1, hex(first)
        assert inflate.decompress(payload + b"\0\0\xff\xff") == b"Hello"
    # RFC 7692 §7.2.3.2: the same message again is a reference to the one before.
    assert len(payload) <= 5, payload


@check
async def plain_answers_are_byte_for_byte_those_of_the_rfc(port):
    for path in ["/plain/echo", "/deflate/echo"]:
        raw = await Raw.open(port, path)
        raw.frame(0x81, b"Hello")
        assert await raw.reader.readexactly(7) == b"\x81\x05Hello"
        raw.frame(0x82, bytes(300))
        assert await raw.reader.readexactly(304) == b"\x82\x7e\x01\x2c" + bytes(300)


@check
async def limited_routes_count_and_refuse(port):
    for path, options in [("/plain/limited", None), ("/deflate/limited", {})]:
        ws = await connect(port, path, compression_options=options)
        await ws.write_message("ä" * 512)
        assert await ws.read_message() == "512"
        await ws.write_message(b"a" * 1024, binary=True)
        assert await ws.read_message() == "1024"
        await ws.write_message(b"a" * 1025, binary=True)
        assert await ws.read_message() is None
        assert ws.close_code == 1009, (path, ws.close_code)


@check
async def a_frame_is_refused_by_its_declared_length(port):
    raw = await Raw.open(port, "/plain/limited")
    raw.frame(0x82, b"", declared=1 << 40)
    first, payload = await raw.read_frame()
    assert (first, payload[:2]) == (0x88, struct.pack("!H", 1009))


@check
async def too_much_is_told_to_who_is_still_sending(port):
    ws = await connect(port, "/max_size")
    await ws.write_message("a" * 1024)
    assert await ws.read_message() == "a" * 1024
    for size in [1025, 4 << 20]:
        ws = await connect(port, "/max_size")
        try:
            await ws.write_message("a" * size)
        except WebSocketClosedError:
            pass
        assert await ws.read_message() is None
        assert (ws.close_code, ws.close_reason) == (1009, "message too big"), ws.close_code


# Pings.


@check
async def the_server_pings(port):
    ws = await connect(port, "/server_ping")
    for _ in range(3):
        assert await ws.read_message() == "got pong"


@check
async def the_client_pings(port):
    ws = await connect(port, "/client_ping", ping_interval=0.01)
    for _ in range(3):
        assert await ws.read_message() == "got ping"
    ws = await connect(port, "/manual_ping")
    for payload in [b"hello", b"x" * 125, b""]:
        ws.ping(payload)
        assert await ws.read_message() == payload


@check
async def pongs_come_before_what_the_hook_says(port):
    raw = await Raw.open(port, "/client_ping")
    raw.frame(0x89, b"payload")
    assert await raw.read_frame() == (0x8A, b"payload")
    assert await raw.read_frame() == (0x81, b"got ping")


@check
async def a_client_whose_ping_timed_out_is_answered(port):
    count = await closes(port)
    ws = await connect(port, "/ping_timeout")
    await ws.write_message("ignored")
    ws.close(reason="ping timed out")
    assert await ws.read_message() is None
    assert await last_close(port, count + 1) == {"code": 1000, "reason": "ping timed out"}


@check
async def messages_that_arrive_with_the_handshake_are_answered(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = ["GET /echo HTTP/1.1", *handshake(port), "", ""]
    frames = b"".join(b"\x81\x81\0\0\0\0" + bytes([65 + n]) for n in range(20))
    writer.write("\r\n".join(lines).encode() + frames)
    await reader.readuntil(b"\r\n\r\n")
    expected = b"".join(b"\x81\x01" + bytes([65 + n]) for n in range(20))
    assert await reader.readexactly(len(expected)) == expected


def memory(program):
    with open(f"/proc/{program.process.pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def bomb():
    compress = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = compress.compress(bytes(16 << 20)) + compress.flush(zlib.Z_SYNC_FLUSH)
    return data[:-4]


async def a_bomb_does_not_grow_the_process(port, program):
    offer = "Sec-WebSocket-Extensions: permessage-deflate"
    ws = await connect(port, "/bomb", compression_options={})
    await ws.write_message("a" * (1 << 20))
    assert await ws.read_message() == "a" * (1 << 20)
    ws.close()
    before = memory(program)
    for _ in range(3):
        raw = await Raw.open(port, "/bomb", offer)
        raw.frame(0xC2, bomb())
        first, payload = await raw.read_frame()
        assert (first, payload[:2]) == (0x88, struct.pack("!H", 1009))
    grown = memory(program) - before
    assert grown < 3, f"{grown} MiB"


def each_failure_is_one_line(program, stderr):
    lines = [line for line in stderr.splitlines() if "uncaught" in line.lower()]
    assert len(lines) == 6, stderr


def main():
    passed = failed = 0
    for runtime in ["tokio", "async-std"]:
        with Program(sys.argv[1], "--bind", "127.0.0.1:0", "--runtime", runtime) as program:
            port = program.listening()
            counts = check.run(port)
            last = Checks()
            last(lambda: asyncio.run(a_bomb_does_not_grow_the_process(port, program)))
            more = last.run()
            status, _, stderr = program.interrupt()
            final = Checks()
            final(lambda: each_failure_is_one_line(program, stderr))
            end = final.run()
            if status != 0:
                print(f"FAILED: {runtime} ended with {status}")
                failed += 1
            passed += counts[0] + more[0] + end[0]
            failed += counts[1] + more[1] + end[1]
    report(passed, failed)


if __name__ == "__main__":
    main()
