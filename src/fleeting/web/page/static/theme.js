// Light or dark as the person chose before; without a choice, as the system has it. Runs before anything is drawn.
(() => {
  const root = document.documentElement;
  const kept = localStorage.getItem("fleeting-theme") || "";
  if (kept) root.dataset.theme = kept;
  addEventListener("DOMContentLoaded", () => {
    const theme = document.getElementById("theme");
    theme.value = kept;
    theme.addEventListener("change", () => {
      localStorage.setItem("fleeting-theme", theme.value);
      if (theme.value) root.dataset.theme = theme.value;
      else delete root.dataset.theme;
      dispatchEvent(new Event("themechange"));
    });
    const language = document.getElementById("language");
    language.addEventListener("change", () => {
      document.cookie = `${language.dataset.cookie}=${language.value};path=/;max-age=31536000;samesite=strict`;
      const address = new URL(location);
      address.searchParams.delete("lang"); // it would win over the choice
      if (address.href === location.href) location.reload();
      else location.replace(address);
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("themechange")));
})();
