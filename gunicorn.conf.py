"""How `gunicorn "app:create_app()"` serves: one process, sixteen threads, complete requests only (app/web/server.py).

HOST, PORT, WEB_CONCURRENCY, WEB_THREADS and STOP_WITHIN come from the environment or `.env`. Start gunicorn in this
folder, or name this file with `--config`.
"""

import gc
import os
import resource

from dotenv import dotenv_values

from app.logs import gunicorn_config
from app.web.server import DeskWorker

_env = {**dotenv_values(".env"), **os.environ}

bind = [f"{_env.get('HOST') or '127.0.0.1'}:{_env.get('PORT') or '8000'}"]
worker_class = DeskWorker
workers = int(_env.get("WEB_CONCURRENCY") or 1)  # metrics of the doors are per process; the desk's own are not
threads = int(_env.get("WEB_THREADS") or 16)
worker_connections = 512
preload_app = False  # database connections and threads must not cross a fork
timeout = 30
graceful_timeout = min(24, max(1, int(float(_env.get("STOP_WITHIN") or 20))))  # then whoever still runs is killed
keepalive = 5
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
accesslog = None  # app.web.door logs its answers itself, without anything a sender wrote
control_socket_disable = True
logconfig_dict = gunicorn_config()

# worker_connections, and as many again for databases and files, must fit under the limit of open files.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_wanted = 4096 if _hard == resource.RLIM_INFINITY else min(4096, _hard)
if _soft != resource.RLIM_INFINITY and _soft < _wanted:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_wanted, _hard))


def post_worker_init(worker: object) -> None:
    """What is loaded by now stays: to look through it all for garbage held up every answer for 60 ms (measured)."""
    gc.collect()
    gc.freeze()
