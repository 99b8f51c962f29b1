"""A web server of a folder that gives parts of files; `/sent` says how many bytes it gave."""

import http.server
import sys
from pathlib import Path


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sent = 0

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        path = Path(sys.argv[1]) / self.path.lstrip("/")
        known = path.is_file() or self.path == "/sent"
        data = str(Handler.sent).encode() if self.path == "/sent" else b""
        data = path.read_bytes() if path.is_file() else data
        wanted = self.headers.get("Range") if known else None
        first, last = 0, len(data) - 1
        if wanted:
            start, _, stop = wanted.removeprefix("bytes=").partition("-")
            first, last = int(start), min(int(stop or last), last)
        self.send_response(206 if wanted else 200 if known else 404)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last + 1 - first))
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.end_headers()
        if body:
            Handler.sent += last + 1 - first
            self.wfile.write(data[first : last + 1])

    def log_message(self, *ignored):
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
