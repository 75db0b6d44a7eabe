// The gateway's API (docs/api.md), found relative to this page.

const TIMEOUT_MS = 30000;
const STATUS_PAGES = 20;

function configured() {
  const meta = document.querySelector('meta[name="llm-api"]');
  const base = new URL(meta?.content || '../', document.baseURI.split('#')[0]);

  if (!base.pathname.endsWith('/')) {
    base.pathname += '/';
  }

  return base;
}

export const base = configured();

// what went wrong, and what the reader can do about it
export class ApiError extends Error {
  constructor(status, message, { type = null, field = null } = {}) {
    super(message);
    Object.assign(this, { status, type, field });
  }

  get title() {
    return {
      0: 'The gateway does not answer',
      400: 'That question is not understood',
      401: 'The gateway wants to know who you are',
      403: 'This address may not look here',
      404: 'Nothing is found there',
      429: 'Too many questions at once',
    }[this.status] ?? `The gateway answers ${this.status}`;
  }

  get help() {
    if (this.status === 404 && this.type) {
      return 'nginx.conf says what there is; reload nginx after a change.';
    }

    return {
      0: 'Is nginx running, and does the network reach it? This page goes on '
        + 'trying.',
      400: 'Change or remove that filter.',
      401: 'Reload the page and sign in.',
      403: 'In nginx.conf, the location of the API has "allow" and "deny" '
        + 'rules: let this address in, then reload nginx.',
      404: `The API is expected at ${base.pathname}: a location with `
        + '"llm_status", and "llm_store" for the log. If it is elsewhere, '
        + 'change <meta name="llm-api"> in index.html.',
      429: 'Wait a moment; this page tries again by itself.',
    }[this.status] ?? 'nginx\'s error log says more. This page tries again '
      + 'by itself.';
  }

  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export function link(path, params) {
  const url = new URL(path, base);

  for (const [name, value] of Object.entries(params ?? {})) {
    if (value !== null && value !== undefined && value !== '') {
      url.searchParams.set(name, value);
    }
  }

  return url;
}

async function refused(response) {
  let said = null;

  try {
    said = (await response.json()).error;
  } catch {
    // nginx's own error page
  }

  return new ApiError(response.status, said?.message ?? '', said ?? {});
}

export async function get(path, params, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response;

  try {
    response = await fetch(link(path, params), {
      headers: { Accept: 'application/json' },
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  } catch (error) {
    if (signal?.aborted) {
      throw error;
    }

    throw new ApiError(0, timeout.aborted
      ? `no answer within ${TIMEOUT_MS / 1000} seconds` : '');
  }

  if (!response.ok) {
    throw await refused(response);
  }

  try {
    return await response.json();
  } catch (error) {
    if (signal?.aborted) {
      throw error;
    }

    throw new ApiError(404, `${path} is not JSON`);
  }
}

// providers, the ledger, and of accounts the first page
export function status(signal, offset = null) {
  return get('status', { format: 'json', usage: 'no', offset }, signal);
}

// with all accounts
export async function accounts(signal) {
  const whole = await status(signal);
  let next = whole.next_offset;

  for (let page = 1; next && page < STATUS_PAGES; page += 1) {
    const more = await status(signal, next);

    for (const kind of ['customers', 'teams', 'virtual_keys']) {
      whole[kind].push(...more[kind]);
    }

    next = more.next_offset;
  }

  whole.more = next ?? null;
  return whole;
}
