// The page: which view is shown, by the hash of its address
// (#/requests?team=ml), and what surrounds it.

import { ApiError, status } from './api.js';
import { el, put } from './dom.js';
import { bytes, count, plural, span } from './format.js';
import { problem, repeat } from './ui.js';
import * as overview from './views/overview.js';
import * as budgets from './views/budgets.js';
import * as requests from './views/requests.js';
import * as request from './views/request.js';
import * as providers from './views/providers.js';

const views = { overview, budgets, requests, providers };
const main = document.getElementById('main');

let shown = null;

function route() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?', 2);
  const [name, ...rest] = path.split('/');

  return {
    name: views[name] ? name : 'overview',
    item: rest.length && rest[0] ? decode(rest.join('/')) : null,
    params: Object.fromEntries(new URLSearchParams(query ?? '')),
  };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function hash(name, params = {}, item = null) {
  const query = new URLSearchParams(Object.entries(params).filter(
    ([, value]) => value !== null && value !== undefined && value !== ''));
  const path = `#/${name}${item ? `/${encodeURIComponent(item)}` : ''}`;

  return query.size ? `${path}?${query}` : path;
}

function navigation(current) {
  put(document.getElementById('nav'), Object.entries(views).map(
    ([name, view]) => el('li', {}, el('a', {
      href: hash(name), 'aria-current': name === current ? 'page' : null,
    }, view.title))));
}

// the same view takes new parameters; another one takes the whole place
function show() {
  const to = route();
  const view = to.item && to.name === 'requests' ? request : views[to.name];

  if (shown && shown.view === view && shown.item === to.item) {
    shown.instance.update(to);
    return;
  }

  const first = shown === null;

  shown?.controller.abort();
  navigation(to.name);
  document.title = `${view.title} · LLM gateway`;
  put(main);
  scrollTo(0, 0);

  const controller = new AbortController();
  const context = {
    ...to,
    hash,
    signal: controller.signal,
    came: shown?.view === requests,
    go: (params, replace = false) => {
      const target = hash(to.name, params, to.item);

      if (replace) {
        history.replaceState(null, '', target);
        show();
      } else {
        location.hash = target;
      }
    },
  };

  try {
    const instance = view.open(main, context);
    shown = { view, item: to.item, controller, instance };
  } catch (error) {
    shown = { view, item: to.item, controller, instance: { update() {} } };
    put(main, problem(error));
    throw error;
  }

  if (!first) {
    main.querySelector('h1')?.focus({ preventScroll: true });
  }
}

function themes() {
  const button = document.getElementById('theme');
  const root = document.documentElement;
  const next = { auto: 'light', light: 'dark', dark: 'auto' };

  const say = () => {
    const now = root.dataset.theme ?? 'auto';
    put(button, `Theme: ${now}`);
    button.title = `Change to ${next[now]}`;
  };

  button.addEventListener('click', () => {
    const chosen = next[root.dataset.theme ?? 'auto'];

    if (chosen === 'auto') {
      delete root.dataset.theme;
    } else {
      root.dataset.theme = chosen;
    }

    try {
      localStorage.setItem('llm-theme', chosen);
    } catch {
      // holds for this page then
    }

    say();
  });

  say();
}

// what everybody who looks should know
function notices(state) {
  const found = [];
  const store = state.store;

  if (store?.error) {
    found.push(`The ledger cannot be written: ${store.error}. Spend is still `
      + 'enforced from memory.');
  } else if (store?.lag_seconds > 60) {
    found.push(`The ledger on disk is ${span(store.lag_seconds * 1000)} `
      + 'behind.');
  }

  if (!store) {
    found.push('There is no llm_store: nothing is logged, and spend is lost '
      + 'when nginx stops.');
  }

  if (store?.journal.error) {
    found.push(`The journal cannot be written: ${store.journal.error}.`);
  }

  if (store?.journal.requests_without > 0) {
    found.push(`${plural(store.journal.requests_without, 'request')} could `
      + 'not be logged: counted in budgets, missing in spend and requests.');
  }

  if (store?.journal.lost_bytes > 0) {
    found.push(`The journal was damaged: ${bytes(store.journal.lost_bytes)} `
      + 'of it could not be read.');
  }

  if (state.alerts?.last_error && state.alerts.pending > 0) {
    found.push(`${plural(state.alerts.pending, 'alert')} still to be `
      + `delivered: ${state.alerts.last_error}`);
  }

  if (state.unpriced.requests > 0) {
    found.push(`${plural(state.unpriced.requests, 'request')} without a `
      + `price: ${state.unpriced.models.join(', ')}. Add it to the list of `
      + 'prices.');
  }

  return found;
}

function surroundings() {
  const foot = document.getElementById('foot');
  const box = document.getElementById('notices');
  let said = '';

  const ask = async () => {
    let found;

    try {
      const state = await status();
      found = notices(state);
      put(foot,
        el('span', {}, `ngx_llm_gov ${state.version}, nginx ${state.nginx}`),
        el('span', {}, `up ${span(state.uptime_seconds * 1000)}`),
        el('span', {}, `${count(state.holds.in_flight)} in flight`),
        el('span', {}, 'all times UTC'));
    } catch (error) {
      found = error instanceof ApiError && error.status === 0
        ? ['The gateway does not answer. What is shown may be old.'] : [];
    }

    if (found.join() !== said) {
      said = found.join();
      put(box, found.map((text) => el('p', {}, text)));
    }
  };

  repeat(ask, 15000, new AbortController().signal);
}

document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});

addEventListener('hashchange', show);
themes();
surroundings();
show();
