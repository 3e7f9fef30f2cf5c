"use strict";
(() => {
  const form = document.querySelector(".filter");
  if (!form) return;
  const mails = [...document.querySelectorAll(".mail")].map((node) => ({
    node,
    words: node.textContent.toLowerCase(),
    rules: node.dataset.rules.split(" "),
    fields: node.dataset.fields.split(" "),
    language: node.dataset.language,
  }));
  const { text, rule, field, language } = form.elements;
  const shown = form.querySelector("output");
  const apply = () => {
    const wanted = text.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const mail of mails) {
      const fits =
        wanted.every((word) => mail.words.includes(word)) &&
        (!rule.value || mail.rules.includes(rule.value)) &&
        (!field.value || mail.fields.includes(field.value)) &&
        (!language.value || mail.language === language.value);
      mail.node.hidden = !fits;
      count += fits;
    }
    shown.textContent = `${count} of ${mails.length} shown`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  const pick = (row) => {
    const [name, value] = row.dataset.pick.split("=");
    form.elements[name].value = value;
    apply();
    form.scrollIntoView({ behavior: "smooth" });
  };
  for (const row of document.querySelectorAll("[data-pick]")) {
    row.addEventListener("click", () => pick(row));
    row.addEventListener("keydown", (event) => event.key === "Enter" && pick(row));
  }
  form.hidden = false;
  apply();
})();
