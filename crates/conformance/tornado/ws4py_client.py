"""The client of the tutorial, as its document has it; ws4py no longer takes the `http:` of its URL."""

import signal
import sys
import time

from ws4py.client.threadedclient import WebSocketClient


class EchoClient(WebSocketClient):
    def opened(self):
        self.send("Hello Chetan")

    def closed(self, code, reason=None):
        print("Closed down", code, end=f" {reason.decode()}\n" if reason else "\n")

    def received_message(self, m):
        print("Received from server: %s" % (str(m)))


if __name__ == "__main__":
    # Whoever was started in the background ignores Ctrl-C otherwise.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ws = EchoClient(f"ws://127.0.0.1:{sys.argv[1]}/socket", protocols=["http-only", "chat"])
    ws.daemon = False
    try:
        ws.connect()
        while not ws.terminated:
            time.sleep(0.05)
    except KeyboardInterrupt:
        ws.close()
