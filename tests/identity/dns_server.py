"""A DNS server on loopback, UDP and TCP, that can be told to behave badly. Runs in a thread of its own."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

MODES = (
    "silent", "slow", "servfail", "refused", "nxdomain", "truncated", "garbage", "cname-loop", "huge", "flapping",
)  # fmt: skip
"""silent: no answer. slow: after `delay_s`. truncated: by UDP cut, whole by TCP. garbage: first noise, a wrong id, a
wrong question and a forged answer from another port, then the answer. huge: 200 TXT records of 300 bytes beside the
wanted ones. flapping: every other question is not answered."""

SOA = "ns.example. hostmaster.example. 1 3600 600 86400 60"


class DnsServer:
    """records: (name, kind) -> values as in a zone file. A name without any record does not exist.

    modes: name -> mode, before `mode`, which is for all. asked: (name, kind) of every question, in order.
    """

    def __init__(self, records: dict[tuple[str, str], list[str]] | None = None, *, mode: str = "", ttl: int = 60):
        self.records = dict(records or {})
        self.mode = mode
        self.modes: dict[str, str] = {}
        self.ttl = ttl
        self.delay_s = 0.3
        self.asked: list[tuple[str, str]] = []
        self.by_tcp = 0
        self._udp, self._tcp = _sockets()
        self.port = self._udp.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._stop = asyncio.Event()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def txt(self, name: str, *texts: str | bytes) -> None:
        """TXT records; long ones are cut into strings of 255 bytes."""
        self.records[name.lower(), "TXT"] = [_quoted(text) for text in texts]

    def __enter__(self) -> "DnsServer":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._udp.close()
        self._tcp.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self

        class Udp(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport

            def datagram_received(self, data, peer):
                def send(answer: bytes) -> None:
                    self.transport.sendto(answer, peer)

                server._answer(data, send, peer)

        async def tcp(reader, writer):
            try:
                (size,) = struct.unpack(">H", await reader.readexactly(2))
                data = await reader.readexactly(size)
                server.by_tcp += 1
                server._answer(data, lambda answer: writer.write(struct.pack(">H", len(answer)) + answer), None)
                await asyncio.sleep(server.delay_s * 2 if server.mode == "slow" else 0)
                await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        async def serve():
            udp, _ = await self._loop.create_datagram_endpoint(Udp, sock=self._udp)
            listening = await asyncio.start_server(tcp, sock=self._tcp)
            self._ready.set()
            await self._stop.wait()
            udp.close()
            listening.close()

        self._loop.run_until_complete(serve())
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    def _answer(self, data: bytes, send: Callable[[bytes], None], peer) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        mode = self.modes.get(name, self.mode)
        if mode == "silent" or (mode == "flapping" and len(self.asked) % 2):
            return
        response = self._response(query, name, kind, mode)
        whole = response.to_wire(max_size=65_535)
        if mode == "slow":
            self._loop.call_later(self.delay_s, send, whole)
            return
        if mode == "garbage" and peer is not None:
            self._mislead(query, whole, send, peer)
        if peer is not None and (mode == "truncated" or len(whole) > 1_232):
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC | dns.flags.RA
            whole = short.to_wire()
        send(whole)

    def _response(self, query, name: str, kind: str, mode: str) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        owner = query.question[0].name
        if mode in ("servfail", "refused"):
            response.set_rcode(dns.rcode.SERVFAIL if mode == "servfail" else dns.rcode.REFUSED)
            return response
        if mode == "cname-loop":
            response.answer.append(dns.rrset.from_text(owner, self.ttl, "IN", "CNAME", "loop.example."))
            response.answer.append(dns.rrset.from_text("loop.example.", self.ttl, "IN", "CNAME", str(owner)))
            return response
        values = list(self.records.get((name, kind), ()))
        if mode == "huge" and kind == "TXT":
            values += [_quoted("x" * 296 + f"{number:04}") for number in range(200)]
        alias = self.records.get((name, "CNAME"))
        if alias and not values:
            response.answer.append(dns.rrset.from_text(owner, self.ttl, "IN", "CNAME", f"{alias[0]}."))
            owner, values = dns.name.from_text(alias[0]), list(self.records.get((alias[0], kind), ()))
        if values and mode != "nxdomain":
            response.answer.append(dns.rrset.from_text(owner, self.ttl, "IN", kind, *values))
            return response
        if mode == "nxdomain" or not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        response.authority.append(dns.rrset.from_text("example.", self.ttl, "IN", "SOA", SOA))
        return response

    def _mislead(self, query, whole: bytes, send: Callable[[bytes], None], peer) -> None:
        send(b"\xff" * 12)
        send(b"")
        send(bytes([whole[0] ^ 0xFF, whole[1]]) + whole[2:])
        other = dns.message.make_query("other.example", "TXT")
        other.id = query.id
        send(dns.message.make_response(other).to_wire())
        forged = dns.message.make_response(query)
        forged.set_rcode(dns.rcode.NXDOMAIN)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(forged.to_wire(), peer)


def _sockets() -> tuple[socket.socket, socket.socket]:
    """UDP and TCP at one free port of loopback."""
    for _ in range(100):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            tcp.bind(udp.getsockname())
        except OSError:  # somebody has it
            udp.close()
            tcp.close()
            continue
        return udp, tcp
    raise OSError("no free port")


def _quoted(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    strings = [data[start : start + 255] for start in range(0, len(data), 255)] or [b""]
    return " ".join('"' + one.decode("latin-1").replace("\\", "\\\\").replace('"', '\\"') + '"' for one in strings)
