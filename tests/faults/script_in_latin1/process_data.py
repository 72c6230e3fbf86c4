# Übung
