"""What a run does at a far side, by its kind: files that lie there, pages that are asked for."""
