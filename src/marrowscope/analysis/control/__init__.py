"""Control slides: charts of their figures over time, with limits, rules, and what an alarm is about."""
