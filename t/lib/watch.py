"""Watchers of the live feed, as WebSocket clients that are not ours.

usage: watch.py PLAN

PLAN is a file with {"url", "count", "headers", "ready", "rows", "budgets",
"linger", "keep", "timeout"}; "{n}" in the url is the number of the watcher.
Prints "ready" when every watcher has been greeted, and has `ready` requests, and
at the end a line of JSON with what each has seen: {"hello", "seqs", "budgets", "lost", "rows",
"code", "reason", "error"}; budgets and rows only with `keep`.  A watcher leaves
by itself `linger` seconds after it has `rows` requests, or `budgets` of those;
without either it stays until it is closed, or the time is over.
"""

import asyncio
import json
import ssl
import sys

import websockets


class Watcher:
    def __init__(self, plan, n):
        self.plan = plan
        self.url = plan['url'].replace('{n}', str(n))
        self.greeted = asyncio.Event()
        self.seen = {'hello': None, 'seqs': [], 'budgets': [], 'lost': [],
                     'rows': [], 'code': None, 'reason': None, 'error': None}

    def take(self, message):
        seen = self.seen

        if message['type'] == 'hello':
            seen['hello'] = message['seq']
        elif message['type'] == 'request':
            seen['seqs'].append(message['seq'])
            if self.plan.get('keep'):
                seen['rows'].append(message['log'])
        elif message['type'] == 'budget':
            if self.plan.get('keep'):
                seen['budgets'].append(message)
        elif message['type'] == 'lost':
            seen['lost'].append([message['from'], message['to']])

        if len(seen['seqs']) >= self.plan.get('ready', 0):
            self.greeted.set()

    async def stay(self, ws):
        """what comes behind the last row"""
        try:
            async with asyncio.timeout(self.plan.get('linger', 0)):
                while True:
                    self.take(json.loads(await ws.recv()))
        except TimeoutError:
            pass

    def waits(self):
        rows, budgets = self.plan.get('rows'), self.plan.get('budgets')

        if self.seen['hello'] is None:
            return True
        if rows is not None:
            return len(self.seen['seqs']) < rows
        return budgets is None or len(self.seen['budgets']) < budgets

    async def run(self):
        tls = None

        if self.url.startswith('wss:'):
            # whoever it is: the test made the certificate itself
            tls = ssl.create_default_context()
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE

        try:
            async with websockets.connect(
                    self.url, ssl=tls, compression=None, max_size=None,
                    additional_headers=self.plan.get('headers') or {},
                    open_timeout=30) as ws:
                while self.waits():
                    self.take(json.loads(await ws.recv()))
                await self.stay(ws)
            self.seen['code'] = ws.close_code
        except websockets.ConnectionClosed as closed:
            self.seen['code'] = closed.rcvd.code if closed.rcvd else 1006
            self.seen['reason'] = closed.rcvd.reason if closed.rcvd else None
        except Exception as error:
            self.seen['error'] = repr(error)
        finally:
            self.greeted.set()


async def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        plan = json.load(file)

    watchers = [Watcher(plan, n) for n in range(plan.get('count', 1))]
    tasks = [asyncio.create_task(watcher.run()) for watcher in watchers]

    for watcher in watchers:
        await watcher.greeted.wait()

    print('ready', flush=True)

    await asyncio.wait(tasks, timeout=plan.get('timeout', 30))

    for task in tasks:
        task.cancel()

    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps([watcher.seen for watcher in watchers]), flush=True)


asyncio.run(main())
