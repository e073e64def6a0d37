"""Runs the tutorial as its document tells it, on both runtimes, and crossed with the originals.

    tutorial.py FOLDER_OF_EXAMPLES

`tutorial` is talked to by the real ws4py client, `tutorial_client` talks to a real Tornado server, and both to each other.
Prints `N passed, N failed`. Needs tornado 6.6 and ws4py 0.6.
"""

import os
import subprocess
import sys
import time
import urllib.request

from harness import Checks, Program, report

HERE = os.path.dirname(os.path.abspath(__file__))
RUNTIMES = ["tokio", "async-std"]
check = Checks()


def wait_for_line(program, expected):
    line = program.process.stdout.readline().rstrip("\n")
    assert line == expected, f"{line!r} is not {expected!r}"


def server(folder, runtime):
    return Program(f"{folder}/tutorial", "--bind", "127.0.0.1:0", "--runtime", runtime)


@check
def our_server_and_the_client_of_ws4py(folder):
    for runtime in RUNTIMES:
        with server(folder, runtime) as program:
            port = program.listening()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
                assert page.read() == b"It Works!"
            wait_for_line(program, "It Works!")
            with Program(sys.executable, "-u", f"{HERE}/ws4py_client.py", str(port)) as client:
                wait_for_line(program, "Socket opened")
                wait_for_line(client, "Received from server: Msg is Hello Chetan")
                status, out, err = client.interrupt()
                assert (status, out) == (0, "Closed down 1000\n"), (status, out, err)
                wait_for_line(program, "Socket closed")
            status, _, err = program.interrupt()
            assert (status, err) == (0, ""), (status, err)


def talks_to(folder, runtime, url):
    """Our client says hello, hears the answer, and ends on Ctrl-C."""
    with Program(f"{folder}/tutorial_client", url, "--runtime", runtime) as client:
        wait_for_line(client, "Received from server: Msg is Hello Chetan")
        status, out, err = client.interrupt()
        assert (status, out, err) == (0, "Closed down 1000\n", ""), (status, out, err)


@check
def a_real_tornado_server_and_our_client(folder):
    with Program(sys.executable, "-u", f"{HERE}/tornado_server.py") as program:
        port = program.listening()
        for runtime in RUNTIMES:
            for scheme in ["http", "ws"]:
                talks_to(folder, runtime, f"{scheme}://localhost:{port}/socket")
                wait_for_line(program, "Socket opened")
                wait_for_line(program, "Socket closed")


@check
def our_server_and_our_client(folder):
    for served in RUNTIMES:
        with server(folder, served) as program:
            port = program.listening()
            for runtime in RUNTIMES:
                talks_to(folder, runtime, f"http://localhost:{port}/socket")
                wait_for_line(program, "Socket opened")
                wait_for_line(program, "Socket closed")


@check
def a_server_that_stops_is_told_by_the_client(folder):
    for runtime in RUNTIMES:
        with server(folder, runtime) as program:
            port = program.listening()
            client_program = f"{folder}/tutorial_client"
            with Program(client_program, f"ws://127.0.0.1:{port}/socket") as client:
                wait_for_line(client, "Received from server: Msg is Hello Chetan")
                begun = time.monotonic()
                status, out, _ = program.interrupt()
                assert (status, out) == (0, "Socket opened\nSocket closed\n"), (status, out)
                assert time.monotonic() - begun < 3, "the server took too long to stop"
                out, _ = client.process.communicate(timeout=10)
                assert (client.process.returncode, out) == (0, "Closed down 1001\n"), out


@check
def a_client_without_a_server_says_so(folder):
    ended = subprocess.run(
        [f"{folder}/tutorial_client", "ws://127.0.0.1:1/socket"], capture_output=True, timeout=20
    )
    assert ended.returncode == 1 and ended.stderr and not ended.stdout, ended


if __name__ == "__main__":
    report(*check.run(sys.argv[1]))
