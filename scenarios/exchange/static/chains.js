// A token travels on some networks only: the others are not offered.

import { $, $$, show } from "./ui.js";

export function followAsset() {
  const asset = $("#asset");
  const chain = $("#chain");
  const wanted = new URLSearchParams(location.search).get("asset");
  if (wanted && [...asset.options].some((each) => each.value === wanted)) asset.value = wanted;
  const follow = () => {
    const chains = asset.selectedOptions[0].dataset.chains.split(" ");
    for (const option of $$("option", chain)) {
      option.disabled = !chains.includes(option.value);
      show(option, !option.disabled);
    }
    if (!chains.includes(chain.value)) [chain.value] = chains;
  };
  asset.addEventListener("change", follow);
  follow();
}
