(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const name = () => { button.textContent = dark() ? "Light" : "Dark"; };
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; name(); });
  name();

  // A step and its node in the picture belong together: pointing at one shows the other.
  const light = (step, on) => document.querySelectorAll(`[data-node="${step}"], [data-step="${step}"]`)
    .forEach((each) => each.classList.toggle("lit", on));
  document.querySelectorAll("#turn [data-node], #turn [data-step]").forEach((each) => {
    const step = each.dataset.node || each.dataset.step;
    each.addEventListener("mouseenter", () => light(step, true));
    each.addEventListener("mouseleave", () => light(step, false));
    each.addEventListener("focus", () => light(step, true));
    each.addEventListener("blur", () => light(step, false));
  });

  const links = new Map([...document.querySelectorAll(".top a[href^='#']")].map((each) => [each.hash.slice(1), each]));
  const watch = new IntersectionObserver((seen) => seen.forEach((each) => {
    const link = links.get(each.target.id);
    if (link && each.isIntersecting) {
      links.forEach((other) => other.removeAttribute("aria-current"));
      link.setAttribute("aria-current", "true");
    }
  }), { rootMargin: "-30% 0px -60% 0px" });
  document.querySelectorAll("section[id]").forEach((each) => watch.observe(each));
})();
