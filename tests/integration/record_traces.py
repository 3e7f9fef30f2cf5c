"""Records what a real Postfix and our filter say to each other, for tests/milter/test_traces.py.

python -m tests.integration.record_traces        as root, with Postfix installed; writes tests/milter/traces/
"""

import smtplib
import socket
import struct
import subprocess
import threading

from tests.integration.filter import RunningFilter
from tests.integration.postfix import PrivatePostfix, Sink, free_port
from tests.integration.test_main_job import BILL, BILLING, SUPPORT, TECHNICAL
from tests.milter.trace import FOLDER, Packet, write


class Recorder:
    """A proxy that notes every packet of each connection, in the order in which they passed."""

    def __init__(self, filter_port: int) -> None:
        self.port = free_port()
        self.filter_port = filter_port
        self.connections: list[list[Packet]] = []
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                mta, _ = self._listening.accept()
            except OSError:
                return
            ours = socket.create_connection(("127.0.0.1", self.filter_port))
            noted: list[Packet] = []
            self.connections.append(noted)
            for source, target, from_mta in ((mta, ours, True), (ours, mta, False)):
                threading.Thread(target=self._carry, args=(source, target, noted, from_mta), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, noted: list[Packet], from_mta: bool) -> None:
        stream = source.makefile("rb")
        while head := stream.read(5):
            data = stream.read(struct.unpack(">I", head[:4])[0] - 1)
            with self._lock:
                noted.append(Packet(from_mta, head[4], data))
            target.sendall(head + data)
        target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


def main() -> None:
    sink, running = Sink(), RunningFilter("--no-tests")
    recorder = Recorder(int(running.postfix_spec.rpartition(":")[2]))
    postfix = PrivatePostfix(sink, f"inet:127.0.0.1:{recorder.port}")
    postfix.start()
    release = subprocess.run(
        ["/usr/sbin/postconf", "-c", str(postfix.folder / "etc"), "-dh", "mail_version"],
        capture_output=True,
        text=True,
        check=True,
    )

    def client(name: str = "customer.example") -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", postfix.port, local_hostname=name, timeout=60)

    def send(one: smtplib.SMTP, text: str, *recipients: str) -> None:
        data = text.encode().replace(b"\n", b"\r\n")
        one.sendmail("olena@customer.example", list(recipients), data, ["BODY=8BITMIME"])

    def plain() -> None:
        with client() as one:
            send(one, TECHNICAL.format(id="plain"), BILL)

    def two_recipients() -> None:
        with client() as one:
            send(one, TECHNICAL.format(id="both"), "Bill@FlexiHost.example", SUPPORT, "anna@flexihost.example")

    def reset() -> None:
        with client() as one:
            one.mail("somebody@else.example")
            one.rset()
            one.mail("somebody@else.example")
            one.rcpt(BILL)
            one.rset()
            send(one, BILLING.format(id="after-rset"), BILL)

    def two_messages() -> None:
        with client() as one:
            send(one, "X-FlexiHost-Queue: forged\nx-flexihost-queue: forged\n" + TECHNICAL.format(id="first"), BILL)
            send(one, BILLING.format(id="second"), BILL)

    def eight_bit_helo() -> None:
        with client("привет") as one:
            one.command_encoding = "utf-8"
            one.putcmd("HELO", "привет")
            one.getreply()
            one.helo_resp = b"said"
            one.mail("olena@customer.example")
            one.rcpt(BILL)
            one.data(BILLING.format(id="helo").encode())

    def big() -> None:
        with client() as one:
            head = BILLING.format(id="big").partition("\n\n")[0] + "\n\n"
            send(one, head + ("x" * 98 + "\n") * 6_000, BILL)

    def given_up() -> None:
        one = client()
        one.ehlo()
        one.mail("olena@customer.example")
        one.rcpt(BILL)
        one.docmd("DATA")
        one.send(b"Subject: half a mail\r\n\r\nand then the line is cut")
        one.close()

    try:
        for name, act in (
            ("01-plain", plain), ("02-two-recipients", two_recipients), ("03-rset", reset),
            ("04-two-messages", two_messages), ("05-8-bit-helo", eight_bit_helo), ("06-big-mail-skip", big),
            ("07-given-up", given_up),
        ):  # fmt: skip
            recorder.connections.clear()
            act()
            sink.settle(1.0)
            (noted,) = [one for one in recorder.connections if any(packet.letter == ord("M") for packet in one)]
            title = f"Postfix {release.stdout.strip()}: {name.partition('-')[2].replace('-', ' ')}"
            write(FOLDER / f"{name}.trace", title, noted)
            print(f"{name}: {len(noted)} packets")
    finally:
        postfix.stop()
        running.stop()
        recorder.close()
        sink.close()


if __name__ == "__main__":
    main()
