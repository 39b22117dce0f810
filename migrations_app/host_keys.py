"""The host key that a machine shows, before anyone trusts it.

The one place in migrations_app that speaks to a machine: an operator must compare the fingerprint while registering, so
it is fetched while the page is answered. Only the key exchange is made; nobody signs in and no command is run.
"""

import asyncio

import asyncssh
from asgiref.sync import async_to_sync

TIME_LIMIT_S = 8.0


class KeyNotFetched(Exception):
    """No host key could be had; the message says why and what to check."""


def fetch(address: str, port: int) -> tuple[str, str]:
    """The machine's public host key as one line, and its SHA-256 fingerprint as `ssh-keygen -lf` shows it."""
    try:
        key = async_to_sync(_fetch)(address, port)
    except (OSError, asyncssh.Error, TimeoutError) as error:
        reason = str(error) or "it did not answer in time"
        raise KeyNotFetched(
            f"No host key from {address} port {port}: {reason}. Check the address, and that sshd runs there."
        ) from error
    if key is None:
        raise KeyNotFetched(f"{address} port {port} shows no host key that can be used: check its sshd.")
    line = " ".join(key.export_public_key("openssh").decode().split()[:2])
    return line, key.get_fingerprint("sha256")


async def _fetch(address: str, port: int) -> asyncssh.SSHKey | None:
    # ed25519 first, so that the same key is seen each time a host has several
    algorithms = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"]
    return await asyncio.wait_for(
        asyncssh.get_server_host_key(address, port, server_host_key_algs=algorithms, config=None), TIME_LIMIT_S
    )


def fingerprint_of(line: str) -> str:
    """The fingerprint of a pinned key; empty when it cannot be read."""
    try:
        return asyncssh.import_public_key(line).get_fingerprint("sha256")
    except asyncssh.KeyImportError:
        return ""
