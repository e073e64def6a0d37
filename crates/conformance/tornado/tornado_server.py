"""The server of the tutorial, as its document has it, in today's Python."""

import asyncio

import tornado.httpserver
import tornado.netutil
import tornado.web
import tornado.websocket


class Socket(tornado.websocket.WebSocketHandler):
    def open(self):
        print("Socket opened")

    def on_message(self, message):
        self.write_message("Msg is " + message)

    def on_close(self):
        print("Socket closed")


class Main(tornado.web.RequestHandler):
    def get(self):
        print("It Works!")


application = tornado.web.Application([(r"/", Main), (r"/socket", Socket)])


async def main():
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
    server = tornado.httpserver.HTTPServer(application)
    server.add_sockets(sockets)
    print(f"listening on ws://127.0.0.1:{sockets[0].getsockname()[1]}")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
