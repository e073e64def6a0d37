#!/usr/bin/env python3
"""Drives Autobahn's cases against a server or a client, and judges the reports.

    run_autobahn.py server [options] -- COMMAND...   a server that prints `listening on ws://HOST:PORT`
    run_autobahn.py client [options] -- COMMAND...   a client; `{url}` in its arguments is the fuzzing server's address

The suite is kosoku, from PyPI. A case passes if its behavior and its closing are OK; INFORMATIONAL counts only where the
suite never says more, NON-STRICT does not count.
"""

import argparse
import json
import pathlib
import socket
import subprocess
import sys
import time

INFORMATIONAL = {
    # Behavior of peers whose Close arrives late or whose data follows it, which RFC 6455 leaves open.
    "7.1.6",
    # Close codes that RFC 6455 assigns no meaning.
    "7.13.1",
    "7.13.2",
}


def wait_until_listening(process, port):
    for _ in range(200):
        if process.poll() is not None:
            sys.exit(f"the fuzzing server ended with status {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit("the fuzzing server does not listen")


def wait_until_written(index):
    """The fuzzing server writes its reports after it has dismissed the client."""
    for _ in range(600):
        try:
            json.loads(index.read_text())
            return
        except (FileNotFoundError, json.JSONDecodeError):
            time.sleep(0.1)
    sys.exit("the fuzzing server wrote no reports")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def selection(arguments):
    return [word for case in arguments.cases for word in ("-i", case)]


def examine_server(arguments):
    server = subprocess.Popen(arguments.command, stdout=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline().strip()
        if not line.startswith("listening on ws://"):
            sys.exit(f"the server did not say where it listens: {line!r}")
        address = line.removeprefix("listening on ws://").rstrip("/")
        command = [arguments.kosoku, "-m", "fuzzingclient", "-p", str(arguments.parallelism)]
        command += [*selection(arguments), "-o", str(arguments.reports), address]
        # Its status says whether all cases passed, which is judged here.
        subprocess.run(command, stdout=subprocess.DEVNULL)
    finally:
        server.terminate()
        server.wait()


def examine_client(arguments):
    port = free_port()
    command = [arguments.kosoku, "-m", "fuzzingserver", *selection(arguments)]
    command += ["-o", str(arguments.reports), f"127.0.0.1:{port}"]
    fuzzer = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until_listening(fuzzer, port)
        url = f"ws://127.0.0.1:{port}"
        client = [word.replace("{url}", url) for word in arguments.command]
        subprocess.run(client, check=True, stdout=subprocess.DEVNULL)
        wait_until_written(arguments.reports / "index.json")
    finally:
        fuzzer.terminate()
        fuzzer.wait()


def is_passed(case, result):
    behavior, closing = result["behavior"], result["behaviorClose"]
    allowed = {"OK", "INFORMATIONAL"} if case in INFORMATIONAL else {"OK"}
    return behavior in allowed and closing in allowed


def judge(arguments):
    index = json.loads((arguments.reports / "index.json").read_text())
    results = [(case, result) for agent in index.values() for case, result in agent.items()]
    failed = [(case, result) for case, result in results if not is_passed(case, result)]
    for case, result in failed:
        print(f"{case}: {result['behavior']}, closing {result['behaviorClose']}")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    return not failed and len(results) >= arguments.at_least


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", choices=["server", "client"], help="what the command is")
    parser.add_argument("--kosoku", default="kosoku", help="the program of the suite")
    parser.add_argument("--cases", action="append", default=[], help="a case or a glob; all by default")
    parser.add_argument("--at-least", type=int, default=1, help="how many cases have to be run")
    parser.add_argument("--parallelism", type=int, default=1, help="how many cases to run at once")
    parser.add_argument("--reports", type=pathlib.Path, required=True, help="the folder for the reports")
    parser.add_argument("command", nargs="+", help="what to examine")
    arguments = parser.parse_args()
    arguments.reports.mkdir(parents=True, exist_ok=True)
    for stale in arguments.reports.glob("*.json"):
        stale.unlink()
    {"server": examine_server, "client": examine_client}[arguments.role](arguments)
    sys.exit(0 if judge(arguments) else 1)


if __name__ == "__main__":
    main()
