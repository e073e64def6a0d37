#!/usr/bin/env python3
"""Real foreign programs against `squall`: Python's websockets as client and as server, on both runtimes.

    python_websockets.py PATH-TO-SQUALL
"""

import asyncio
import contextlib
import random
import ssl
import subprocess
import sys
import time
import tempfile
import pathlib

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

SQUALL = sys.argv[1]
RUNTIMES = ["tokio", "async-std"]


@contextlib.asynccontextmanager
async def echo_server(*options):
    """`squall echo` on a free port; its address."""
    process = await asyncio.create_subprocess_exec(
        SQUALL, "echo", "--bind", "127.0.0.1:0", *options, stdout=subprocess.PIPE)
    try:
        line = (await process.stdout.readline()).decode().strip()
        yield line.removeprefix("listening on "), process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def messages(count, seed):
    """Text and binary of every kind of length, some of it hard to compress."""
    source = random.Random(seed)
    for index in range(count):
        length = source.choice([0, 1, 5, 125, 126, 127, 1000, 4096, 65535, 65536, 200_000])
        if index % 2:
            yield source.randbytes(length)
        else:
            yield "".join(source.choices("abcdefgh äöü€𝄞", k=length))


async def client_of(runtime, deflate):
    """Python's client, our server: every message comes back."""
    options = ["--deflate"] if deflate else []
    async with echo_server("--runtime", runtime, *options) as (url, _):
        compression = "deflate" if deflate else None
        async with connect(url, compression=compression, max_size=None) as client:
            names = [extension.name for extension in client.protocol.extensions]
            assert names == (["permessage-deflate"] if deflate else []), names
            for message in messages(200, seed=7):
                await client.send(message)
                assert await client.recv() == message
            # Many at once, so that answers are written in batches.
            burst = [f"message {index}" for index in range(1000)]
            await asyncio.gather(*(client.send(message) for message in burst))
            assert [await client.recv() for _ in burst] == burst
            # A message in many frames.
            await client.send(["Hel", "lo, ", "", "world"])
            assert await client.recv() == "Hello, world"
            await asyncio.wait_for(await client.ping(b"are you there"), 5)
        assert (client.close_code, client.close_reason) == (1000, "")


async def takeover_pairs(runtime):
    """Every pair of context takeover and every window that both sides have."""
    from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
    async with echo_server("--runtime", runtime, "--deflate") as (url, _):
        for server_no, client_no in [(False, False), (False, True), (True, False), (True, True)]:
            for bits in range(9, 16):
                extension = ClientPerMessageDeflateFactory(
                    server_no_context_takeover=server_no, client_no_context_takeover=client_no,
                    server_max_window_bits=bits, client_max_window_bits=bits)
                async with connect(url, extensions=[extension], compression=None, max_size=None) as client:
                    for message in messages(60, seed=bits):
                        await client.send(message)
                        assert await client.recv() == message, (server_no, client_no, bits)


async def server_of(runtime, deflate):
    """Python's server, our client: each line comes back, and the closing handshake is clean."""
    async def echo(connection):
        async for message in connection:
            await connection.send(message)

    async with serve(echo, "127.0.0.1", 0, compression="deflate" if deflate else None) as server:
        port = server.sockets[0].getsockname()[1]
        lines = [f"line {index} äöü" for index in range(2000)] + ["", "last"]
        options = ["--deflate"] if deflate else []
        client = await asyncio.create_subprocess_exec(
            SQUALL, "connect", "--runtime", runtime, *options, f"ws://127.0.0.1:{port}",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        client.stdin.write("".join(line + "\n" for line in lines).encode())
        # The end of the input closes, and Python's server answers nothing more once it has seen the Close.
        output = [(await client.stdout.readline()).decode().removesuffix("\n") for _ in lines]
        assert output == lines
        client.stdin.close()
        assert await client.communicate() == (b"", b"")
        assert client.returncode == 0, client.returncode


async def goodbye_of(runtime):
    """SIGTERM says 1001 to everyone and ends with status 0."""
    async with echo_server("--runtime", runtime) as (url, process):
        clients = [await connect(url) for _ in range(5)]
        process.terminate()
        for client in clients:
            await client.wait_closed()
            assert client.close_code == 1001, client.close_code
        assert await process.wait() == 0


async def tls_of(runtime):
    """wss both ways: a trusted certificate does, an unknown one does not."""
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = pathlib.Path(folder, "cert.pem"), pathlib.Path(folder, "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
             "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", str(key), "-out", str(certificate)],
            check=True, capture_output=True)
        options = ["--runtime", runtime, "--tls-cert", str(certificate), "--tls-key", str(key)]
        async with echo_server(*options) as (url, _):
            assert url.startswith("wss://"), url
            async with connect(url, ssl=ssl.create_default_context(cafile=str(certificate))) as client:
                for message in messages(50, seed=3):
                    await client.send(message)
                    assert await client.recv() == message
            for trust, status in [(["--ca", str(certificate)], 0), (["--insecure"], 0), ([], 1)]:
                client = await asyncio.create_subprocess_exec(
                    SQUALL, "connect", "--runtime", runtime, *trust, url,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                output, errors = await client.communicate(b"hello\n")
                assert client.returncode == status, (trust, errors)
                assert output == (b"hello\n" if status == 0 else b""), output
                assert errors.startswith(b"error: cannot establish TLS") == (status == 1), errors


async def refusals_of(runtime):
    """What may not connect gets the HTTP status that says why."""
    async with echo_server("--runtime", runtime, "--allow-origin", "https://good.example") as (url, _):
        async with connect(url, origin="https://good.example") as client:
            await client.send("hello")
            assert await client.recv() == "hello"
        try:
            await connect(url, origin="https://evil.example")
            raise AssertionError("another origin was accepted")
        except websockets.InvalidStatus as refusal:
            assert refusal.response.status_code == 403


async def main():
    passed = failed = 0
    for runtime in RUNTIMES:
        for deflate in [False, True]:
            for check in [client_of, server_of]:
                passed, failed = await run(check(runtime, deflate), f"{check.__name__} {runtime} {deflate}", passed, failed)
        for check in [takeover_pairs, goodbye_of, tls_of, refusals_of]:
            passed, failed = await run(check(runtime), f"{check.__name__} {runtime}", passed, failed)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


async def run(check, name, passed, failed):
    try:
        started = time.monotonic()
        await asyncio.wait_for(check, 120)
        print(f"{name}: passed in {time.monotonic() - started:.1f} s")
        return passed + 1, failed
    except Exception as error:  # Every failure is told, and the other checks run on.
        print(f"{name}: {type(error).__name__}: {error}")
        return passed, failed + 1


if __name__ == "__main__":
    asyncio.run(main())
