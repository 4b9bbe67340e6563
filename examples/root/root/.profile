PS1='sr100# '
