"""A mirror of Project Gutenberg on this machine, which fails as mirrors fail."""

from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from training.data.corpora.drama.download import Client

HEADER = "The Project Gutenberg EBook of The Kettle, by Nobody\n\nLanguage: English\n\n"
START = "*** START OF THIS PROJECT GUTENBERG EBOOK THE KETTLE ***"
END = """End of the Project Gutenberg EBook of The Kettle, by Nobody

*** END OF THIS PROJECT GUTENBERG EBOOK THE KETTLE ***

*** START: FULL LICENSE ***

Long terms.
"""


def framed(play: str) -> bytes:
    """Return a play as a mirror has it: in the publisher's frame."""
    return (HEADER + START + play + END).replace("\n", "\r\n").encode()


@dataclass
class Mirror:
    """The files of a server, how often it fails first, and the requests it got."""

    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    failures: dict[str, list[int | str]] = field(default_factory=dict)
    """Statuses of the next answers by path, or "breaks off" for half of an answer."""
    asked: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)

    def client(self, pause: float = 0.0) -> Client:
        return Client(self.address, pause, timeout=5.0)


class Server(ThreadingHTTPServer):
    """The server of a mirror."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mirror = Mirror(f"http://127.0.0.1:{self.server_port}/books")


class Handler(BaseHTTPRequestHandler):
    """Answer from the files of the server's mirror."""

    server: Server

    def do_GET(self) -> None:
        mirror, path = self.server.mirror, self.path.removeprefix("/books/")
        mirror.asked.append(path)
        mirror.agents.add(self.headers["User-Agent"])
        answer = (mirror.failures.get(path) or [200]).pop(0)
        data = mirror.files.get(path, b"")
        status = 404 if not data else 200 if answer == "breaks off" else int(answer)
        data = data if status == 200 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if answer == "breaks off" else data)

    def log_message(self, *_: object) -> None:
        pass
