rktrace config --check nowhere.yaml
