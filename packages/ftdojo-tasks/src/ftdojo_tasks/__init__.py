"""The benchmark families of ftdojo, one package each. ftdojo finds them by the entry points of this distribution."""
