open("@RUN@/submissions/001/recipe.yaml", "w").close()
