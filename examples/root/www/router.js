"use strict";
// Draws the small signal picture. The address is a name of the SVG standard, and nothing is fetched from there.
const SVG = "http://www.w3.org/2000/svg";
const picture = document.createElementNS(SVG, "svg");
picture.setAttribute("width", "100");
document.body.appendChild(picture);
