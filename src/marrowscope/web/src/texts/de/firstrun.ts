import type { Texts } from "../../strings";

export const firstRun: Texts["firstRun"] = {
  title: "Ersten Administrator anlegen",
  lead: "Diese Installation hat noch keine Konten.",
  code: "Code aus dem Terminal",
  codeWhere: "Im Terminal, in dem marrowscope serve gestartet wurde, und in dessen Protokolldatei.",
  name: "Ihr Name, wie ihn Befunde zeigen",
  submit: "Anlegen und anmelden",
  demo: "Demo-Fall",
  demoName: "DEMO",
  addDemo: "Demo-Fall hinzufügen",
  demoLead: "Keine Bilder zur Hand? Der Demo-Fall ist ein gezeichneter Ausstrich mit 360 Zellen zum Ausprobieren.",
  tourLead: "Danach hilft der zweiminütige Rundgang, im Menü unter Ihrem Namen.",
};

export const tour: Texts["tour"] = {
  open: "Zweiminütiger Rundgang",
  nothing: "Es gibt noch keinen ausgewerteten Patienten. Fügen Sie zuerst Bilder oder den Demo-Fall hinzu.",
  next: "Weiter",
  back: "Zurück",
  end: "Rundgang beenden",
  done: "Durchsicht beginnen",
  steps: {
    gallery: { title: "Alle Zellen, nach Zelltyp", text: "Pfeiltasten gehen von Zelle zu Zelle, mit Umschalt werden mehrere ausgewählt. Der Rahmen zeigt die Zelle, die Sie gerade beurteilen. + und - ändern die Größe der Bilder." },
    rail: { title: "Eine Taste für jeden Zelltyp", text: "Der Buchstabe eines Zelltyps benennt die ausgewählten Zellen, die Eingabetaste bestätigt den Vorschlag der Netze. Entf entfernt, was keine Zelle ist. Strg+Z macht rückgängig." },
    unsure: { title: "Wo die Durchsicht am meisten bewirkt", text: "n geht zu der Zelle, bei der die Netze am unsichersten sind; noch einmal n zur nächsten. N geht durch ausgeloste Zellen: Aus ihnen wird der Anteil aller Zellen erschlossen, welche Fehler die Netze auch machen." },
    inspector: { title: "Die Zelle, vergrößert", text: "Mit dem ersten und dem zweiten Vorschlag der Netze." },
    compare: { title: "Daneben Referenzzellen", text: "Zellen der beiden fraglichen Zelltypen mit ihren Kriterien. Signierte Zellen können hier angeheftet werden. Die Kommataste blendet sie aus und ein." },
    differential: { title: "Die Zählung, sofort", text: "Anteil, Intervall und Entscheidung folgen jeder Antwort. Darunter steht die Differenzierung, Ihre neben der der Netze." },
    toolbar: { title: "Galerie, Gesichtsfeld oder beides", text: "Die Punkttaste zeigt die Zelle in ihrem Gesichtsfeld. Dort können Sie übersehene Zellen einzeichnen, einen Rahmen berichtigen und messen." },
    sign: { title: "Signieren und exportieren", text: "Mit der Signatur werden die Zellen gesperrt, und der Befund bleibt, wie er ist. Alles, was geschah, steht im Protokoll. Die Taste ? zeigt alle Tasten." },
  },
};
