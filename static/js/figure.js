// Draws each figure from the JSON beside it, in the colours of the theme. Shared by History and the migration page.
(function () {
  "use strict";

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function themed(layout) {
    var text = colour("--portal-chart-text");
    var line = colour("--portal-chart-line");
    var out = Object.assign({}, layout, {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true,
      font: { color: text, size: 12, family: getComputedStyle(document.body).fontFamily },
      hoverlabel: { font: { size: 12 } }
    });
    ["xaxis", "yaxis"].forEach(function (axis) {
      out[axis] = Object.assign({}, layout[axis], { gridcolor: line, linecolor: line, zerolinecolor: line });
    });
    return out;
  }

  var revision = 0;

  function draw(element, figure) {
    element.figure = figure;
    var layout = themed(figure.layout);
    // on a phone the legend needs a line for each entry, and Plotly gives it at most half of the height
    if (element.clientWidth < 520 && figure.data.length > 3) layout.height = figure.layout.height + 24 * figure.data.length;
    layout.datarevision = ++revision; // points are added in place: without a new revision Plotly would not look at them
    return window.Plotly.react(element, figure.data, layout, { displayModeBar: false, responsive: true });
  }

  window.drawFigure = draw;
  function drawAll() {
    document.querySelectorAll("[data-figure]").forEach(function (element) {
      draw(element, JSON.parse(document.getElementById(element.dataset.figure).textContent));
    });
  }
  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("themechange", function () {
    document.querySelectorAll("[data-figure]").forEach(function (element) {
      if (element.figure) draw(element, element.figure);
    });
  });
})();
