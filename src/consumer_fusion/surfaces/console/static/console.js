// Client-side behaviour. Everything works without it except the charts, whose numbers can then be downloaded.
"use strict";

// Charts are drawn for the width of their container; redrawing bypasses the cache.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.dataset && event.detail.elt.dataset.drawn && event.detail.elt.clientWidth < 480) {
    event.detail.parameters.width = "narrow";
  }
  const trigger = event.detail.triggeringEvent;
  if (trigger && /^(refresh|redraw)$/.test(trigger.type)) {
    event.detail.headers["X-No-Cache"] = "yes";
  }
});

// Selections that take effect immediately. With the keyboard a selection is not final while moving through it: the
// form's button is then shown instead (WCAG 2.2, 3.2.2).
let isByKey = false;
document.addEventListener("keydown", (event) => {
  isByKey = event.target.matches("select[data-send]");
}, true);
document.addEventListener("pointerdown", () => {
  isByKey = false;
}, true);
document.addEventListener("change", (event) => {
  const choice = event.target;
  if (!choice.matches("select[data-send]") || !choice.value) {
    return;
  }
  const button = choice.form.querySelector("button[type=submit]");
  if (isByKey && button) {
    button.classList.remove("without-script");
  } else {
    choice.form.requestSubmit();
  }
});

// Destructive actions ask for confirmation.
document.addEventListener("submit", (event) => {
  const question = event.submitter && event.submitter.dataset.ask;
  if (question && !window.confirm(question)) {
    event.preventDefault();
  }
}, true);

// "/" focuses the search field.
document.addEventListener("keydown", (event) => {
  const search = document.querySelector("input[type=search]");
  if (event.key === "/" && search && !event.ctrlKey && !event.metaKey && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    search.focus();
  }
});

// In a narrow window the navigation is folded under a button.
document.addEventListener("click", (event) => {
  const menu = event.target.closest("button.menu");
  if (menu) {
    menu.setAttribute("aria-expanded", String(menu.getAttribute("aria-expanded") !== "true"));
  }
});

document.addEventListener("keydown", (event) => {
  const menu = document.querySelector("button.menu[aria-expanded=true]");
  if (event.key === "Escape" && menu) {
    menu.setAttribute("aria-expanded", "false");
    menu.focus();
  }
});

// One-time secrets are copied by a button.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button && navigator.clipboard) {
    navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent).then(() => {
      button.nextElementSibling.textContent = button.dataset.copied;
    });
  }
});

// New events: the numbers refresh automatically unless the focus is in them; charts and lists refresh on request.
function listen(news) {
  const status = news.querySelector("[role=status]"), button = news.querySelector("[data-show-news]");
  let source = null, due = 0;
  const part = () => document.getElementById("live");
  const refresh = () => {
    due = 0;
    button.hidden = false;
    if (part().contains(document.activeElement)) {
      status.textContent = status.dataset.waiting;
    } else {
      htmx.trigger(part(), "refresh");
      status.textContent = status.dataset.words;
    }
  };
  const hear = () => { due = due || window.setTimeout(refresh, 1000); };
  const open = () => {
    source = new EventSource(news.dataset.live);
    source.addEventListener("score", hear);
    source.addEventListener("reload", hear);
  };
  button.addEventListener("click", () => {
    htmx.trigger(part(), "refresh");
    document.querySelectorAll(".drawn[data-drawn]").forEach((each) => htmx.trigger(each, "redraw"));
    const happened = document.getElementById("happened");
    if (happened) {
      htmx.trigger(happened, "refresh");
    }
    status.textContent = "";
    button.hidden = true;
  });
  // Browsers limit connections per host, so a hidden page keeps none open.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source.close();
    } else if (source.readyState === EventSource.CLOSED) {
      htmx.trigger(part(), "refresh");
      open();
    }
  });
  open();
}
document.querySelectorAll("[data-live]").forEach(listen);

// A page whose result is still being computed is requested again.
document.querySelectorAll("[data-again]").forEach((each) => {
  window.setTimeout(() => window.location.reload(), 1000 * Number(each.dataset.again));
});

document.documentElement.classList.add("scripted");
