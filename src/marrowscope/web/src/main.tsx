import { createRoot } from "react-dom/client";
import { App } from "./App";
import { applyDisplay, languageOf, loadDisplay } from "./display";
import { speak } from "./strings";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/review.css";
import "./style/quality.css";
import "./style/live.css";

applyDisplay(loadDisplay());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => applyDisplay(loadDisplay()));

const root = document.getElementById("root");
// Without the texts of another language the page still works in English.
const show = (): void => void (root && createRoot(root).render(<App />));
speak(languageOf(loadDisplay())).then(show, show);
