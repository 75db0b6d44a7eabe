// What a page of the dashboard must never do, and how well it can be read.

export class Watch {
  constructor(origin) {
    this.origin = origin;
    this.outside = [];
    this.violations = [];
    this.complaints = [];
    this.expected = null;
  }

  // console messages that a test brings about
  expect(pattern) {
    this.expected = pattern;
  }

  complain(text) {
    if (!this.expected?.test(text)) {
      this.complaints.push(text);
    }
  }

  async over(page) {
    const allowed = [this.origin, this.origin.replace('http', 'ws')];
    const seen = (url) => {
      if (!allowed.some((one) => url.startsWith(`${one}/`))) {
        this.outside.push(url);
      }
    };

    page.on('request', (request) => seen(request.url()));
    page.on('websocket', (socket) => seen(socket.url()));
    page.on('pageerror', (error) => this.complaints.push(error.stack));
    page.on('dialog', (dialog) => {
      this.complaints.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) {
        this.complain(message.text());
      }
    });

    await page.exposeFunction('llmViolation',
      (text) => this.violations.push(text));
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        window.llmViolation(`${event.violatedDirective} ${event.blockedURI} `
          + `${event.sourceFile}:${event.lineNumber}`);
      });
    });
  }
}

// texts that stand out too little from what is behind them (WCAG: 4.5 to 1)
export function contrasts(page) {
  return page.evaluate(() => {
    const canvas = document.createElement('canvas').getContext('2d', {
      willReadFrequently: true,
    });

    const rgb = (colour) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };

    const luminance = (colour) => {
      const [r, g, b] = rgb(colour).map((part) => {
        const share = part / 255;
        return share <= 0.04045 ? share / 12.92
          : ((share + 0.055) / 1.055) ** 2.4;
      });

      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };

    const behind = (node) => {
      for (let one = node; one; one = one.parentElement) {
        const colour = getComputedStyle(one).backgroundColor;

        if (rgb(colour)[3] === 255) {
          return colour;
        }
      }

      return 'white';
    };

    const found = new Set();
    const walker = document.createTreeWalker(document.body,
      NodeFilter.SHOW_TEXT);

    while (walker.nextNode()) {
      const node = walker.currentNode.parentElement;

      if (!walker.currentNode.data.trim() || !node.checkVisibility()
          || node.closest('.skip, noscript, script, option')) {
        continue;
      }

      const style = getComputedStyle(node);
      const ink = luminance(node instanceof SVGElement ? style.fill
        : style.color);
      const ground = luminance(behind(node));
      const ratio = (Math.max(ink, ground) + 0.05)
        / (Math.min(ink, ground) + 0.05);

      if (ratio < 4.5) {
        found.add(`${ratio.toFixed(2)} ${node.className?.baseVal
          ?? node.className}: ${walker.currentNode.data.slice(0, 30)}`);
      }
    }

    return [...found];
  });
}
