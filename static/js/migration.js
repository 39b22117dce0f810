// Follows one migration: by socket, and by asking every two seconds while the socket is lost. Each report says from which
// event and sample it goes on, so that nothing is shown twice and nothing is left out.
(function () {
  "use strict";

  var page, state, socket, delay = 500, polling = null;

  function query() {
    return "?after=" + state.event + "&sample=" + state.sample;
  }

  // What is shown already is left alone: a button that is replaced five times a second can hardly be clicked
  function onlyChanged(html) {
    var template = document.createElement("template");
    template.innerHTML = html;
    template.content.querySelectorAll("[hx-swap-oob='true'][id]").forEach(function (element) {
      var shown = document.getElementById(element.id);
      if (shown && shown.innerHTML === element.innerHTML && shown.className === element.className) element.remove();
    });
    return template.innerHTML;
  }

  function show(report) {
    if (report.after !== state.event || report.after_sample !== state.sample) return; // late: another one was faster
    state.event = report.event;
    state.sample = report.sample;
    state.active = report.active;
    if (report.html) {
      var log = document.querySelector(".log");
      var atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 20;
      window.htmx.swap("body", onlyChanged(report.html), { swapStyle: "none" });
      if (atEnd) log.scrollTop = log.scrollHeight;
      document.dispatchEvent(new Event("news:shown"));
    }
    window.addToProbe(report);
    if (!report.active) {
      if (socket) socket.close(1000);
      connection("The migration has ended.");
      var dialog = document.getElementById("cancel-dialog");
      if (dialog && dialog.open) dialog.close();
    }
  }

  function connection(sentence) {
    var line = document.getElementById("connection");
    if (line && line.textContent !== sentence) line.textContent = sentence;
  }

  function stop() {
    clearInterval(polling);
    polling = null;
  }

  function connect() {
    var scheme = location.protocol === "https:" ? "wss://" : "ws://";
    socket = new WebSocket(scheme + location.host + page.dataset.socket + query());
    socket.onopen = function () {
      delay = 500;
      stop();
      connection("Live.");
    };
    socket.onmessage = function (message) { show(JSON.parse(message.data)); };
    socket.onclose = function (event) {
      if (!state.active) return;
      if (event.code === 4401) { stop(); window.signIn(); return; }
      if (event.code === 4404) { stop(); location.reload(); return; }
      connection("The live connection is lost: asking every 2 s until it is back.");
      if (!polling) polling = setInterval(ask, 2000);
      setTimeout(connect, delay);
      delay = Math.min(delay * 2, 10000);
    };
  }

  function ask() {
    fetch(page.dataset.live + query(), { headers: { Accept: "application/json" } })
      .then(function (answer) {
        if (answer.status === 401) { stop(); window.signIn(); }
        return answer.ok ? answer.json() : null;
      })
      .then(function (report) {
        if (report) show(report);
        if (!state.active) stop();
      })
      .catch(function () { connection("The portal cannot be reached: trying again every 2 s."); });
  }

  document.addEventListener("DOMContentLoaded", function () {
    page = document.getElementById("migration");
    if (!page) return;
    state = { event: Number(page.dataset.event), sample: Number(page.dataset.sample), active: page.dataset.active === "yes" };
    var log = document.querySelector(".log");
    log.scrollTop = log.scrollHeight;
    if (state.active) connect();
  });
})();
