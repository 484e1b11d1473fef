"""A client of filesure-portal that shares no code with the project's own one."""
import contextlib
import socket

from support import FACTOR, get, post, request


class Portal:
    """A running portal and one session with it."""

    def __init__(self, process):
        self.process = process
        self.port = process.wait_port()
        self.log_in()

    def log_in(self):
        answer = post(self.port, "/session")
        assert answer.status == 201, answer
        self.cookie = answer.headers["Set-Cookie"].split(";")[0]

    def get(self, path, **headers):
        return get(self.port, path, headers={"Cookie": self.cookie, **headers})

    def filings(self, cin):
        """The whole list, by following the links."""
        filings, path = [], f"/companies/{cin}/filings"
        while path:
            answer = self.get(path)
            assert answer.status == 200, answer
            filings += answer.json()["filings"]
            link = answer.headers["Link"]
            path = link[1 : link.index(">")] if link else None
        return filings

    def put_faults(self, document):
        answer = request(self.port, "PUT", "/_faults", document)
        assert answer.status == 200, answer
        return answer

    @contextlib.contextmanager
    def raw_get(self, path, method="GET", timeout_s=20, headers=()):
        """A socket on which the request has been sent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s * FACTOR) as sock:
            lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Cookie: {self.cookie}", "Connection: close", *headers, "", ""]
            sock.sendall("\r\n".join(lines).encode())
            yield sock

    def raw(self, path, **options):
        """Everything that comes until the connection ends, and how it ended: (bytes, "end" | "reset")."""
        data = b""
        with self.raw_get(path, **options) as sock:
            try:
                while chunk := sock.recv(65536):
                    data += chunk
            except ConnectionResetError:
                return data, "reset"
        return data, "end"
