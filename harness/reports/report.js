"use strict";
const plays = [...document.querySelectorAll(".play")];
const show = (image) => { image.src = PICTURES[image.dataset.picture]; };

// Pictures are put in when they come into sight: a page of hundreds stays quick.
const sight = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) { show(entry.target); sight.unobserve(entry.target); }
  }
}, { rootMargin: "400px" });
const pictures = document.querySelectorAll("img[data-picture]");
pictures.forEach((image) => sight.observe(image));
addEventListener("beforeprint", () => pictures.forEach(show));

const big = document.querySelector(".big");
document.addEventListener("click", (event) => {
  const shot = event.target.closest(".shot");
  if (shot) {
    const image = big.querySelector("img");
    image.src = PICTURES[shot.dataset.picture];
    image.alt = shot.querySelector("img").alt;
    big.showModal();
  } else if (event.target.closest(".big")) {
    big.close();
  }
});

const open = () => {
  const play = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (play instanceof HTMLDetailsElement) { play.open = true; play.hidden = false; play.scrollIntoView(); }
};
addEventListener("hashchange", open);
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (link && link.hash === location.hash) open();
});
open();

const filter = document.querySelector(".filter");
filter.hidden = plays.length < 2;
filter.addEventListener("submit", (event) => event.preventDefault());
filter.querySelector("input").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const play of plays) {
    const text = `${play.textContent} ${play.id}`.toLowerCase();
    play.hidden = !words.every((word) => text.includes(word));
  }
});
for (const button of filter.querySelectorAll("[data-all]")) {
  button.addEventListener("click", () => plays.forEach((play) => { play.open = Boolean(button.dataset.all); }));
}
