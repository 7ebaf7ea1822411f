"""`python -m sandbox`: the stand-ins as a process of their own, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import os
import signal
import threading

from sandbox.server import Config, Sandbox


def main(argv: list[str] | None = None) -> int:
    """Read the arguments and the desk's own environment names, serve, stop cleanly."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Stand-ins for Zendesk, Slack and JIRA.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--tls-port", type=int, default=None, help="also serve TLS with a CA of our own")
    parser.add_argument("--desk", default=None, help="where the desk listens (default: PUBLIC_URL)")
    parser.add_argument("--no-seed", action="store_true", help="start without people, macros and tickets")
    args = parser.parse_args(argv)
    given = {"host": args.host, "port": args.port, "tls_port": args.tls_port or 0, "seed": not args.no_seed}
    if args.desk:
        given["desk"] = args.desk
    sandbox = Sandbox(Config.from_env(os.environ, **given), tls=args.tls_port is not None)
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    sandbox.start()
    print(f"stand-ins: {sandbox.url}", flush=True)
    if sandbox.tls_url:
        print(f"stand-ins over TLS: {sandbox.tls_url} (CA {sandbox.ca_file})", flush=True)
    done.wait()
    sandbox.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
