#!/usr/bin/env python3
"""serve.py DIRECTORY PORT-FILE: a web server on a free port of 127.0.0.1.

Files of DIRECTORY with ETag and Last-Modified, honouring If-None-Match; what git asks of DIRECTORY/<name>.git goes to
git's own http-backend. Whatever has "private" in its path takes the token "sesame". Every request is a line of
DIRECTORY/../requests.log.
"""
import base64
import hashlib
import http.server
import os
import subprocess
import sys
import urllib.parse

ROOT = os.path.abspath(sys.argv[1])
KEYS = {"Bearer sesame", "basic " + base64.b64encode(b"x-access-token:sesame").decode()}


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *args):
        super().__init__(*args, directory=ROOT)

    def log_message(self, *args):
        pass

    def end_headers(self):
        with open(os.path.join(ROOT, "..", "requests.log"), "a") as log:
            log.write(f"{self.command} {self.path}\n")
        super().end_headers()

    def answer(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def file(self):
        path = self.translate_path(self.path)
        if not os.path.isfile(path):
            return self.answer(404, [], b"no such file")
        with open(path, "rb") as opened:
            body = opened.read()
        tag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
        headers = [("ETag", tag), ("Last-Modified", self.date_time_string(int(os.stat(path).st_mtime)))]
        if self.headers.get("If-None-Match") == tag:
            return self.answer(304, headers)
        return self.answer(200, headers, body)

    def git(self):
        url = urllib.parse.urlsplit(self.path)
        size = int(self.headers.get("Content-Length", 0))
        environment = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": ROOT, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": url.path,
            "QUERY_STRING": url.query, "REQUEST_METHOD": self.command, "CONTENT_LENGTH": str(size),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
        done = subprocess.run(["git", "http-backend"], input=self.rfile.read(size), env=environment,
                              stdout=subprocess.PIPE, check=False)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n") if ": " in line]
        status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
        self.answer(status, [pair for pair in headers if pair[0] != "Status"], body)

    def do_GET(self):
        if "private" in self.path and self.headers.get("Authorization") not in KEYS:
            self.answer(401, [("WWW-Authenticate", "Basic")])
        elif ".git/" in self.path:
            self.git()
        else:
            self.file()

    do_HEAD = do_GET
    do_POST = do_GET


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[2] + ".new", "w") as port:
    port.write(str(server.server_address[1]))
os.rename(sys.argv[2] + ".new", sys.argv[2])
server.serve_forever()
