"""The same service in Python, standard library only: a distributor posts the events to it, and tries again on a 5xx."""

import json
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WEBHOOK = os.environ["CHAT_WEBHOOK"]


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            tell(event["data"])
            status = 202
        except OSError as error:
            print(event["shkeptncontext"], "the chat is not there:", error, flush=True)
            status = 503
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def tell(data):
    text = f"{data['project']}/{data['service']} in {data['stage']}: {data['result']}"
    body = json.dumps({"text": text}).encode()
    request = urllib.request.Request(WEBHOOK, body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()
    print("told the chat:", text, flush=True)


host = os.environ.get("KEPTN_LISTEN_HOST", "0.0.0.0")
ThreadingHTTPServer((host, int(os.environ.get("RCV_PORT", "8080"))), Receiver).serve_forever()
