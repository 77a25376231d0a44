"""Puts each webhook into a queue of Celery before it answers; the worker stores it."""

import hashlib
import hmac
import json
import os
import uuid
from pathlib import Path

import psycopg
from celery import Celery
from flask import Flask, request

STATEMENTS = json.loads(Path(__file__).with_name("statements.json").read_text())
CREDENTIALS = os.environ["BENCH_CREDENTIALS"]
SECRET = os.environ["BENCH_SECRET"]

queue = Celery("webhooks", broker=f"redis://127.0.0.1:{os.environ['BENCH_REDIS_PORT']}/1")
queue.conf.task_ignore_result = True
web = Flask(__name__)


@web.post("/webhook")
def receive():
    if not hmac.compare_digest(request.headers.get("patchbay-webhook-secret", ""), SECRET):
        return "", 401
    store.delay(request.get_data(as_text=True))
    return {"received": 1}


connection = None


def connected():
    global connection
    if connection is None or connection.closed:
        connection = psycopg.connect(os.environ["BENCH_DATABASE_URL"], cursor_factory=psycopg.RawCursor)
    return connection


@queue.task(autoretry_for=(psycopg.Error,), retry_backoff=1, retry_backoff_max=5, max_retries=20)
def store(raw):
    body = json.loads(raw)
    key = ":".join([body["event"], body["account_id"], body["message_id"]])
    request_id, event, message = (str(uuid.uuid4()) for _ in range(3))
    with connected().transaction(), connected().cursor() as cursor:
        run = lambda name, *values: cursor.execute(STATEMENTS[name], values)
        if run("claim", CREDENTIALS, key, event).fetchone() is None:
            return
        account, tenant = run("account", CREDENTIALS, body["account_id"]).fetchone()
        run("request", request_id, tenant, CREDENTIALS, raw)
        run("event", event, request_id, tenant, CREDENTIALS, account, body["account_id"], body["event"], key)
        at = body["timestamp"]
        chat = (str(uuid.uuid4()), tenant, account, body["chat_id"], message, at)
        conversation = run("conversation", *chat).fetchone()[0]
        run("message", message, tenant, account, conversation, body["message_id"], body["message"], at)
        run("keys", account, body["message_id"], tenant, message, body["provider_message_id"])
        digest = hashlib.sha256(body["sender"]["attendee_provider_id"].encode()).hexdigest()
        run("person", request_id, digest, tenant)
        run("told", tenant, account, json.dumps({"message_id": message, "conversation_id": str(conversation)}))
