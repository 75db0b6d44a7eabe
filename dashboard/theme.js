// The chosen theme, before anything is painted.  Not a module, because those
// run after the first paint.

(() => {
  'use strict';

  let theme = null;

  try {
    theme = localStorage.getItem('llm-theme');
  } catch {
    // storage is switched off: the system's theme then
  }

  if (theme === 'light' || theme === 'dark') {
    document.documentElement.dataset.theme = theme;
  }
})();
