// The live feed: a WebSocket, or server-sent events where something between
// here and the gateway does not let one through.  It begins again by itself,
// behind the last sequence number that was seen.

import { link } from './api.js';

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;
const STEADY_MS = 10000;

export class Live {
  // message(data) gets what docs/api.md describes; state(name, transport) is
  // told "connecting", "live", "waiting"
  constructor({ params, message, state }) {
    this.params = params;
    this.message = message;
    this.state = state;
    this.seq = null;
    this.wait = FIRST_WAIT_MS;
    this.sockets = true;
    this.stopped = false;
    this.timer = null;
    this.close = () => {};
  }

  start(since = null) {
    this.seq = since ?? this.seq;
    this.connect();
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.close();
  }

  url() {
    return link('live', { ...this.params, since: this.seq });
  }

  connect() {
    if (this.stopped) {
      return;
    }

    this.state('connecting', null);

    if (this.sockets && typeof WebSocket === 'function') {
      this.socket();
    } else {
      this.events();
    }
  }

  // a WebSocket that never opens is not tried a second time
  socket() {
    const url = this.url();
    let open = false;
    let ended = false;

    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';

    const socket = new WebSocket(url);
    const ending = () => {
      if (ended) {
        return;
      }

      ended = true;
      this.sockets = open;
      this.again(!open);
    };

    socket.onopen = () => {
      open = true;
      this.opened('WebSocket');
    };
    socket.onmessage = (event) => this.take(event.data);
    socket.onclose = ending;

    // one that is closed before it is open would be complained about

    this.close = () => {
      ended = true;

      if (socket.readyState === WebSocket.CONNECTING) {
        socket.onopen = () => socket.close();
      } else {
        socket.close();
      }
    };
  }

  events() {
    const source = new EventSource(this.url());
    const take = (event) => this.take(event.data);

    source.onopen = () => this.opened('events');
    source.onmessage = take;

    for (const type of ['hello', 'request', 'budget', 'lost']) {
      source.addEventListener(type, take);
    }

    this.close = () => source.close();
    source.onerror = () => {
      source.close();
      this.sockets = true;
      this.again(false);
    };
  }

  opened(transport) {
    this.since = Date.now();
    this.state('live', transport);
  }

  again(at_once) {
    if (this.stopped) {
      return;
    }

    if (this.since && Date.now() - this.since > STEADY_MS) {
      this.wait = FIRST_WAIT_MS;
    }

    this.since = null;

    if (at_once) {
      this.connect();
      return;
    }

    this.state('waiting', null);
    this.timer = setTimeout(() => this.connect(), this.wait);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
  }

  take(text) {
    let data;

    try {
      data = JSON.parse(text);
    } catch {
      return;
    }

    if (Number.isFinite(data.seq)) {
      this.seq = Math.max(this.seq ?? 0, data.seq);
    }

    this.message(data);
  }
}
