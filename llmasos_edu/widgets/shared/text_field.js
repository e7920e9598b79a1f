// A field for a text of the reader's own. Every letter typed is the field's, capitals too: Shift and M join cells in a
// notebook. What has Ctrl, Alt or Meta in it, and Shift with Enter, stays the notebook's.
function textField(words, rows, typed) {
  const own = (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey && !(event.shiftKey && event.key === "Enter")) event.stopPropagation();
  };
  const input = make("textarea", { rows, spellcheck: "false", autocapitalize: "off", oninput: () => typed(input.value), onkeydown: own });
  const put = (text) => {
    if (input.value !== text) input.value = text; // else the caret would jump
  };
  return { input, put, box: make("label", { class: "lm-typed" }, make("span", {}, words), input) };
}
