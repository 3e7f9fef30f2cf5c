"""yaml-language-server, as an editor speaks to it: JSON-RPC over its standard input and output (LSP 3.17)."""

import json
import os
import subprocess
import threading
from pathlib import Path

HERE = Path(__file__).parent
PROGRAM = HERE / "node_modules" / ".bin" / "yaml-language-server"
ANSWER_S = 60.0

SETTINGS = {
    "yaml": {
        "validate": True,
        "hover": True,
        "completion": True,
        "schemaStore": {"enable": False, "url": ""},  # it would ask a server on the network for schemas
        "schemas": {},
    },
    "http": {"proxy": "", "proxyStrictSSL": False},
    "[yaml]": {},
    "editor": {},
    "files": {},
    "vscode-edit-context": {},
}


class LanguageServer:
    """One running server. `diagnostics` holds what it last said about each document."""

    def __init__(self, folder: Path):
        # No proxy leads anywhere: what is not on this machine is not there.
        env = {**os.environ, "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
        self.process = subprocess.Popen(
            [str(PROGRAM), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, env=env
        )
        self.folder = folder
        self.diagnostics: dict[str, list[dict]] = {}
        self._answers: dict[int, dict] = {}
        self._said: dict[str, int] = {}
        self._number = 0
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        capabilities = {
            "workspace": {"configuration": True, "didChangeConfiguration": {}},
            "textDocument": {
                "completion": {"completionItem": {"documentationFormat": ["markdown"], "snippetSupport": False}},
                "hover": {"contentFormat": ["markdown"]},
                "publishDiagnostics": {},
            },
        }
        self.ask(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": folder.as_uri(),
                "capabilities": capabilities,
                "workspaceFolders": None,
            },
        )
        self._send({"method": "initialized", "params": {}})
        self._send({"method": "workspace/didChangeConfiguration", "params": {"settings": SETTINGS}})

    def open(self, name: str, text: str) -> list[dict]:
        """Open a document and wait for what the server says about it."""
        uri = (self.folder / name).as_uri()
        with self._changed:
            before = self._said.get(uri, 0)
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        with self._changed:
            assert self._changed.wait_for(lambda: self._said.get(uri, 0) > before, ANSWER_S), "no diagnostics came"
            return self.diagnostics[uri]

    def at(self, method: str, name: str, line: int, character: int):
        """The answer to `textDocument/<method>` at a place (from 0) of an open document."""
        place = {"line": line, "character": character}
        document = {"uri": (self.folder / name).as_uri()}
        return self.ask(f"textDocument/{method}", {"textDocument": document, "position": place})

    def ask(self, method: str, params: dict):
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": params})
        with self._changed:
            assert self._changed.wait_for(lambda: number in self._answers, ANSWER_S), f"no answer to {method}"
            answer = self._answers.pop(number)
        assert "error" not in answer, answer
        return answer["result"]

    def stop(self) -> None:
        self.ask("shutdown", {})
        self._send({"method": "exit", "params": {}})
        self.process.stdin.close()
        self.process.wait(20)
        self._reader.join(10)
        self.process.stdout.close()

    def _send(self, message: dict) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self.process.stdin.flush()

    def _read(self) -> None:
        stream = self.process.stdout
        while header := stream.readline():
            length = 0
            while header.strip():
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                header = stream.readline()
            self._take(json.loads(stream.read(length)))

    def _take(self, message: dict) -> None:
        if "method" in message and "id" in message:
            items = message.get("params", {}).get("items", [])
            result = [SETTINGS.get(one.get("section"), {}) for one in items] if items else None
            self._send({"id": message["id"], "result": result})
            return
        with self._changed:
            if "id" in message:
                self._answers[message["id"]] = message
            elif message["method"] == "textDocument/publishDiagnostics":
                uri = message["params"]["uri"]
                self.diagnostics[uri] = message["params"]["diagnostics"]
                self._said[uri] = self._said.get(uri, 0) + 1
            self._changed.notify_all()
