# SPDX-License-Identifier: Apache-2.0
"""Mail: a server by aiosmtpd, and senders by smtplib."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Sequence
from email.message import EmailMessage
from random import Random

from minewatch.lab.plan import Plan, Service
from minewatch.lab.services.actor import keep_trying, wait_about
from minewatch.lab.services.kind import Act, Kind
from minewatch.lab.services.names import host_name

_TIMEOUT_S = 10.0
_MOST_OCTETS = 1 << 20
_MOST_LINES = 2000


class Smtp(Kind):
    """Each client sends a mail, some with an attachment, in a connection of its own."""

    def serve(self, service: Service, plan: Plan, rng: Random) -> Sequence[Act]:
        address = plan.host(service.host).address
        return (_serve(address, service.port, host_name(service.host)),)

    def use(self, service: Service, plan: Plan, host: str, rng: Random) -> Sequence[Act]:
        address = plan.host(service.host).address

        async def send() -> None:
            mail = _mail(host_name(host), host_name(service.host), rng)
            # The library waits in its own way, so it does so in a thread.
            await asyncio.to_thread(_send, mail, address, service.port, host_name(host))
            await wait_about(self.number(service, "pause_mean_s"), rng)

        return (keep_trying(send, rng, (smtplib.SMTPException,)),)


async def _serve(address: str, port: int, name: str) -> None:
    from aiosmtpd.handlers import Sink
    from aiosmtpd.smtp import SMTP

    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(Sink(), hostname=name, data_size_limit=_MOST_OCTETS, loop=loop)

    server = await loop.create_server(protocol, address, port)
    async with server:
        await server.serve_forever()


def _mail(sender: str, receiver: str, rng: Random) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"] = f"cron@{sender}", f"ops@{receiver}"
    mail["Subject"] = f"report {rng.randrange(10_000)}"
    lines = int(min(rng.lognormvariate(3, 1), _MOST_LINES))
    mail.set_content("".join(f"step {rng.randbytes(12).hex()} done\n" for _ in range(lines + 1)))
    if rng.random() < 0.2:
        octets = rng.randbytes(int(min(rng.lognormvariate(10, 1), _MOST_OCTETS / 2)))
        mail.add_attachment(octets, maintype="application", subtype="gzip", filename="log.gz")
    return mail


def _send(mail: EmailMessage, address: str, port: int, name: str) -> None:
    with smtplib.SMTP(address, port, local_hostname=name, timeout=_TIMEOUT_S) as session:
        session.send_message(mail)


KINDS = (
    Smtp(
        "smtp",
        (25, 587),
        {},
        {"aiosmtpd": "lab"},
        options={"pause_mean_s": 20.0},
    ),
)
