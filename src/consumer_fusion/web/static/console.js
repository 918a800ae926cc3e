// What the pages do by themselves: everything works without it but the charts, whose numbers are then downloads.
"use strict";

// Charts are drawn for the width of the place where they stand.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.dataset && event.detail.elt.dataset.drawn && event.detail.elt.clientWidth < 480) {
    event.detail.parameters.width = "narrow";
  }
});

// Choices that take effect when they are made.
document.addEventListener("change", (event) => {
  const choice = event.target;
  if (choice.matches("select[data-send]") && choice.value) {
    choice.form.requestSubmit();
  }
});

// What is dangerous is asked about once.
document.addEventListener("submit", (event) => {
  const question = event.submitter && event.submitter.dataset.ask;
  if (question && !window.confirm(question)) {
    event.preventDefault();
  }
}, true);

// "/" goes to the search of the page.
document.addEventListener("keydown", (event) => {
  const search = document.querySelector("input[type=search]");
  if (event.key === "/" && search && !event.ctrlKey && !event.metaKey && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    search.focus();
  }
});

// On a narrow window the navigation is folded away under a button.
document.addEventListener("click", (event) => {
  const menu = event.target.closest("button.menu");
  if (menu) {
    menu.setAttribute("aria-expanded", String(menu.getAttribute("aria-expanded") !== "true"));
  }
});

// What is shown once is copied by a button.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button && navigator.clipboard) {
    navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent).then(() => {
      button.nextElementSibling.textContent = button.dataset.copied;
    });
  }
});

document.documentElement.classList.add("scripted");
