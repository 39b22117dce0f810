// Draws each figure from the JSON beside it, in the colours of the theme. Shared by all pages that have figures.
(function () {
  "use strict";

  var NARROW = 520, LINE = 16, LETTER = 6.4; // in pixels; a letter at the figures' size, on average
  var BAR = 26, GAP = 10;

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

  // a label in lines of at most so many letters, broken where its words are told apart
  function broken(label, letters) {
    return label.split("<br>").map(function (line) {
      return line.split(" · ").reduce(function (lines, word) {
        var last = lines[lines.length - 1];
        if (last !== undefined && (last + " · " + word).length <= letters) lines[lines.length - 1] = last + " · " + word;
        else lines.push(word);
        return lines;
      }, []).join("<br>");
    }).join("<br>");
  }

  function lines(label) {
    return label.split("<br>").length;
  }

  // On a phone labels beside the bars leave no room for these: they stand above them.
  function labelsAbove(figure, layout, letters) {
    var labels = [];
    figure.data.forEach(function (trace) {
      trace.y.forEach(function (label) { if (labels.indexOf(label) < 0) labels.push(label); });
    });
    var texts = labels.map(function (label) { return broken(label, letters); });
    var slot = BAR + GAP + LINE * Math.max.apply(null, texts.map(lines));
    var half = BAR / slot / 2;
    layout.bargap = layout.boxgap = 1 - BAR / slot;
    layout.yaxis.showticklabels = false;
    layout.yaxis.autorange = false;
    layout.yaxis.range = [labels.length - 1 + half * 1.5, half - 1];
    layout.margin = Object.assign({}, layout.margin, { l: 5 });
    layout.annotations = texts.map(function (text, place) {
      return { text: text, x: 0, xref: "paper", xanchor: "left", align: "left", y: place - half, yref: "y", yanchor: "bottom",
        borderpad: 2, showarrow: false };
    });
    return slot * labels.length + 70;
  }

  function narrowed(figure, layout, width) {
    var letters = Math.floor((width - 20) / LETTER);
    var above = figure.layout.yaxis && figure.layout.yaxis.type === "category";
    var height = above ? labelsAbove(figure, layout, letters) : figure.layout.height - LINE;
    if (layout.showlegend === false) {
      layout.height = height;
      return figure.data;
    }
    var data = figure.data.map(function (trace) {
      return Object.assign({}, trace, { name: broken(trace.name, letters - 11) });
    });
    // the legend needs a line for each entry, and Plotly gives it at most half of the height
    var legend = data.reduce(function (sum, trace) { return sum + 4 + LINE * lines(trace.name); }, 20);
    layout.height = Math.max(height + legend, 2 * legend);
    return data;
  }

  var revision = 0;

  function draw(element, figure) {
    element.figure = figure;
    var layout = themed(figure.layout);
    var data = element.clientWidth < NARROW ? narrowed(figure, layout, element.clientWidth) : figure.data;
    layout.datarevision = ++revision; // points are added in place: without a new revision Plotly would not look at them
    return window.Plotly.react(element, data, layout, { displayModeBar: false, responsive: true });
  }

  window.drawFigure = draw;
  function drawAll() {
    document.querySelectorAll("[data-figure]").forEach(function (element) {
      draw(element, JSON.parse(document.getElementById(element.dataset.figure).textContent));
    });
  }
  function redrawAll() {
    document.querySelectorAll("[data-figure]").forEach(function (element) {
      if (element.figure) draw(element, element.figure);
    });
  }
  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("themechange", redrawAll);
  window.matchMedia("(max-width: 600px)").addEventListener("change", redrawAll);
})();
