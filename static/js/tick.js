// One heartbeat for everything that polls: hx-trigger="tick from:body". Quiet in a hidden tab.
const EVERY = 2000;

function tick() {
  if (!document.hidden) document.body.dispatchEvent(new Event("tick"));
}

setInterval(tick, EVERY);
document.addEventListener("visibilitychange", tick);
