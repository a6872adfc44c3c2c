// Where CSS cannot anchor a popover to its button yet, put the menu under the button by hand.
if (!CSS.supports("position-area: block-end")) {
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (event.newState !== "open" || !menu.matches(".menu:not(.menu--topbar)")) return;
    if (matchMedia("(width < 48em)").matches) return;
    const button = document.querySelector(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
    const roomBelow = innerHeight - button.bottom > menu.offsetHeight;
    menu.style.top = `${roomBelow ? button.bottom : button.top - menu.offsetHeight}px`;
    menu.style.left = `${Math.max(0, button.right - menu.offsetWidth)}px`;
  }, true);
}
